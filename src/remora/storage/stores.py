"""Which store: a database URL opened, or made where it can be."""

from __future__ import annotations

from remora.errors import StoreUnavailable
from remora.settings import DatabaseUrl, PostgresUrl, Settings, SqliteUrl
from remora.storage import sqlite
from remora.storage.database import Database
from remora.storage.migrations import COMMAND
from remora.storage.sqlite import SqliteDatabase


def create(url: DatabaseUrl) -> None:
    """Make an empty SQLite file, unless it is there. A PostgreSQL database is its operator's to make."""
    if isinstance(url, SqliteUrl):
        sqlite.create(url.path)


def open_database(settings: Settings, *, patient: bool) -> Database:
    """The store that the settings name; StoreUnavailable if it is not there. A `patient` one lets a statement
    take its time: nobody waits for an answer to a request.
    """
    match settings.database:
        case SqliteUrl(path):
            if not path.exists():
                raise StoreUnavailable(f"there is no database at {path}; run: {COMMAND}")
            return SqliteDatabase(path, settings.database_timeout_seconds)
        case PostgresUrl(url):
            from remora.storage.postgresql import PostgresDatabase  # noqa: PLC0415 (the driver takes its time to load)

            return PostgresDatabase(
                url,
                timeout_seconds=settings.database_timeout_seconds,
                pool_size=settings.pool_size,
                patient=patient,
            )
