"""Brings the database's schema up to date: `python -m shop.migrate [--wait SECONDS]`.

All pending files are applied in one transaction, under an advisory lock: of several
migrators that start together one does the work and the others find it done; a failing
file leaves nothing behind.
"""

import argparse
import sys
import time

import psycopg

from shop import migrations, settings

#: Any number does, as long as it is the same in every version of this program.
LOCK_KEY = 0x5409

_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version    integer     PRIMARY KEY,
    name       text        NOT NULL,
    checksum   text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


def apply(connection: psycopg.Connection, known: list[migrations.Migration] | None = None) -> list[int]:
    """Applies what is pending; returns the versions applied."""
    known = migrations.read() if known is None else known
    with connection.transaction():
        # Held until the transaction ends. CREATE TABLE IF NOT EXISTS alone is not safe
        # when two start at once: the lock must come first.
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK_KEY,))
        connection.execute(_TABLE)
        applied = connection.execute("SELECT version, checksum FROM schema_migrations").fetchall()
        todo = migrations.pending(known, applied)
        for migration in todo:
            connection.execute(migration.sql)
            connection.execute(
                "INSERT INTO schema_migrations (version, name, checksum) VALUES (%s, %s, %s)",
                (migration.version, migration.name, migration.checksum),
            )
    return [migration.version for migration in todo]


def connect(url: str, wait_seconds: float) -> psycopg.Connection:
    """A connection, waiting for a database that is still starting."""
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            return psycopg.connect(url, connect_timeout=5)
        except psycopg.OperationalError as error:
            if time.monotonic() >= deadline:
                raise
            print(f"waiting for the database: {error}".strip(), flush=True)
            time.sleep(1)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="shop.migrate", description="Bring the schema up to date.")
    parser.add_argument("--wait", type=float, default=0, metavar="SECONDS", help="wait this long for the database")
    options = parser.parse_args(arguments)
    try:
        with connect(settings.database_url(), options.wait) as connection:
            done = apply(connection)
    except (psycopg.Error, migrations.MigrationError, settings.SettingsError) as error:
        print(f"migration failed, nothing was changed: {error}", file=sys.stderr)
        return 1
    print(f"applied {done}" if done else "nothing to do", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
