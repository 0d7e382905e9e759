"""Backing up: a whole and checked copy of the running installation. It needs no particular version's schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from remora.errors import BackupRefused
from remora.settings import Settings, SqliteUrl
from remora.storage import backup as storage
from remora.storage.sqlite import SqliteDatabase
from remora.storage.stores import open_database


def work(settings: Settings) -> int:
    """How many pages there are to copy, about: writes may go on."""
    with _database(settings) as database:
        return storage.pages(database)


def backup(settings: Settings, target: Path, *, replace: bool, done: Callable[[int], None]) -> int:
    """Copy the database into a file, and return how many bytes that has; see `storage.backup`.

    StoreUnavailable if there is no database, BackupRefused if it is not an SQLite file.
    """
    with _database(settings) as database:
        return storage.copy(database, target, replace=replace, done=done)


@contextmanager
def _database(settings: Settings) -> Iterator[SqliteDatabase]:
    if not isinstance(settings.database, SqliteUrl):
        raise BackupRefused(
            f"{settings.database} is backed up by PostgreSQL's own means: pg_dump, or pg_basebackup with"
            " continuous archiving; docs/operations/scaling.md has more"
        )
    database = open_database(settings, patient=True)
    assert isinstance(database, SqliteDatabase), "its URL says so"
    try:
        yield database
    finally:
        database.close()
