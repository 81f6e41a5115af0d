"""The numbered SQL files of the schema, read and checked before a database is touched."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


class MigrationError(RuntimeError):
    """The files, or the files and the database, do not fit together."""


@dataclass(frozen=True)
class Migration:
    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def read(folder: Path = FOLDER) -> list[Migration]:
    """All migrations, in order; they are numbered 1, 2, 3 … without gap or double."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        match = re.fullmatch(r"(\d{4})_([a-z0-9_]+)\.sql", path.name)
        if not match:
            raise MigrationError(f"{path.name}: the name must be like 0001_some_words.sql")
        found.append(Migration(int(match[1]), match[2], path.read_text(encoding="utf-8")))
    for expected, migration in enumerate(found, start=1):
        if migration.version != expected:
            raise MigrationError(f"expected migration {expected:04d}, found {migration.version:04d}_{migration.name}")
    return found


def latest_version() -> int:
    """The schema version that this program needs."""
    return len(read())


def pending(known: list[Migration], applied: Iterable[tuple[int, str]]) -> list[Migration]:
    """What is still to do, given (version, checksum) of what a database has.

    A database that is ahead of the files (an older program, after a rollback) needs nothing;
    an applied file that was edited since is an error: databases would differ without notice.
    """
    by_version = dict(applied)
    for migration in known:
        checksum = by_version.get(migration.version)
        if checksum is not None and checksum != migration.checksum:
            raise MigrationError(f"{migration.version:04d}_{migration.name} was changed after it was applied")
    newest = max(by_version, default=0)
    missing = [m.version for m in known if m.version not in by_version and m.version < newest]
    if missing:
        raise MigrationError(f"the database is at version {newest} but lacks {missing}")
    return [m for m in known if m.version > newest]
