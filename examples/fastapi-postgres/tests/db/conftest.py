import os
import uuid
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from shop import migrate


@pytest.fixture(scope="session")
def url() -> str:
    return os.environ["DATABASE_URL"]


@pytest.fixture(scope="session")
def live(url: str) -> Iterator[psycopg.Connection]:
    """The database that the running service uses. Tests only read it."""
    with psycopg.connect(url, autocommit=True, options="-c default_transaction_read_only=on") as connection:
        yield connection


@pytest.fixture
def scratch(url: str) -> Iterator[str]:
    """The address of an empty database of this test's own."""
    name = f"scratch_{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield make_conninfo(url, dbname=name)
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def connect() -> Iterator[Callable[[str], psycopg.Connection]]:
    opened: list[psycopg.Connection] = []

    def make(where: str) -> psycopg.Connection:
        opened.append(psycopg.connect(where, autocommit=True, options="-c lock_timeout=10s"))
        return opened[-1]

    yield make
    for connection in opened:
        connection.close()


@pytest.fixture
def db(scratch: str, connect: Callable[[str], psycopg.Connection]) -> psycopg.Connection:
    """A connection to a database of this test's own, with the schema."""
    connection = connect(scratch)
    migrate.apply(connection)
    return connection
