"""The two stores, one of which each test of an installation runs on: they make databases, and take them back."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace

from remora import settings as environment
from remora.service.installation import migrate
from remora.settings import DatabaseUrl, PostgresUrl, Secret, Settings, SqliteUrl
from remora.storage import installation as values
from remora.storage.stores import open_database
from tests.backdoor import BackDoor, PostgresBackDoor, SqliteBackDoor
from tests.cast import SIGNING_KEY, ManualClock
from tests.servers.databases import Databases

SALT = "the salt of the tests"
"""So that encoded ids are the same in every run."""

PATIENCE_SECONDS = 30


class Store(Protocol):
    """A kind of store."""

    dialect: str

    def empty(self) -> DatabaseUrl:
        """A place without any of our tables."""
        ...

    def migrated(self) -> DatabaseUrl:
        """A database of its own, with the tables and the tests' salt."""
        ...

    def drop(self, url: DatabaseUrl) -> None:
        """Take back what was given."""
        ...


class SqliteStore:
    """Files in a folder, each copied from one that was made once."""

    dialect = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()
        self._template = self.empty()
        prepare(self._template)

    def empty(self) -> SqliteUrl:
        return SqliteUrl(self._folder / str(next(self._numbers)) / "remora.db")

    def migrated(self) -> SqliteUrl:
        url = self.empty()
        url.path.parent.mkdir()
        shutil.copy(self._template.path, url.path)
        return url

    def drop(self, url: DatabaseUrl) -> None:
        assert isinstance(url, SqliteUrl)
        shutil.rmtree(url.path.parent, ignore_errors=True)  # a test may not have come to make it


class PostgresStore:
    """Databases of a server, each cloned from one that was made once."""

    dialect = "postgresql"

    def __init__(self, databases: Databases) -> None:
        self._databases = databases
        self._numbers = itertools.count()
        self._template = self.empty()
        prepare(self._template)

    def empty(self) -> PostgresUrl:
        return PostgresUrl(Secret(self._databases.create(str(next(self._numbers)))))

    def migrated(self) -> PostgresUrl:
        url = self._databases.create(str(next(self._numbers)), template=self._name(self._template))
        return PostgresUrl(Secret(url))

    def drop(self, url: DatabaseUrl) -> None:
        assert isinstance(url, PostgresUrl)
        self._databases.drop(self._name(url))

    def _name(self, url: PostgresUrl) -> str:
        return urlsplit(url.url.reveal()).path.rpartition("_")[2]


def prepare(url: DatabaseUrl) -> None:
    """Make the tables, and keep the tests' salt."""
    settings = settings_of(url)
    migrate(settings, ManualClock())
    database = open_database(settings, patient=True)
    with database.write() as tx:
        values.keep(tx, "id_salt", SALT)
    database.close()


def settings_of(url: DatabaseUrl) -> Settings:
    """Patient settings, as the machine may be busy; a test about waiting sets its own time."""
    return replace(
        environment.load({}), database=url, signing_key=SIGNING_KEY, database_timeout_seconds=PATIENCE_SECONDS
    )


def text_of(url: DatabaseUrl) -> str:
    """The URL as it stands in the environment."""
    return f"sqlite:///{url.path}" if isinstance(url, SqliteUrl) else url.url.reveal()


def back_door_of(url: DatabaseUrl) -> BackDoor:
    return SqliteBackDoor(url.path) if isinstance(url, SqliteUrl) else PostgresBackDoor(url.url.reveal())


def only(dialect: str, *, why: str) -> pytest.MarkDecorator:
    """Let a test run on one store."""
    assert why
    return pytest.mark.parametrize("store", [dialect], indirect=True)
