from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace

from remora.settings import Settings
from remora.storage.database import Database
from remora.storage.stores import open_database

Open = Callable[..., Database]


@pytest.fixture
def open_one(settings: Settings) -> Iterator[Open]:
    """Open the test's database, as often as it likes, with other settings or the test's own."""
    opened: list[Database] = []

    def open_(*, patient: bool = False, **others: object) -> Database:
        opened.append(open_database(replace(settings, **others), patient=patient))
        return opened[-1]

    yield open_
    for each in opened:
        each.close()


@pytest.fixture
def database(open_one: Open) -> Database:
    """A migrated database, opened as a server opens it."""
    return open_one()
