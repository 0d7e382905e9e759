"""What the tests of PostgreSQL's own ways share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from remora.errors import StoreUnavailable
from remora.settings import PostgresUrl, Secret, Settings
from remora.storage.database import Database, Transaction
from remora.storage.postgresql import PostgresDatabase
from tests.backdoor import BackDoor
from tests.eventually import SECONDS

VALUE = "installation_value"
KEEP = "installation_keep"

OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
"""The connections to the test's database, but for the back door's own."""


def opened(url: str, *, timeout_seconds: int = SECONDS, pool_size: int = 4) -> PostgresDatabase:
    return PostgresDatabase(Secret(url), timeout_seconds=timeout_seconds, pool_size=pool_size)


def url_of(settings: Settings) -> str:
    assert isinstance(settings.database, PostgresUrl)
    return settings.database.url.reveal()


def keep(tx: Transaction, name: str) -> None:
    tx.run(KEEP, name=name, value="1")


def kept(back_door: BackDoor, name: str) -> bool:
    return bool(back_door.rows(f"SELECT 1 FROM installation WHERE name = '{name}'"))


def set_default(back_door: BackDoor, assignment: str) -> None:
    [(name,)] = back_door.rows("SELECT current_database()")
    back_door.run(f'ALTER DATABASE "{name}" SET {assignment}')


@contextmanager
def told_that_nothing_was_done() -> Iterator[None]:
    with pytest.raises(StoreUnavailable, match="nothing was done"):
        yield


def write(database: Database, name: str) -> None:
    with database.write() as tx:
        keep(tx, name)
