from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from remora.clock import Clock
from remora.model import Role
from remora.service import operators
from remora.service.installation import Installation, open_installation
from tests.cast import Shop
from tests.service.signing_in import PASSWORD
from tests.stores import Store, settings_of


@pytest.fixture(scope="session")
def make_installation(store: Store) -> Callable[[Clock], AbstractContextManager[Installation]]:
    """Makes a fresh installation for each example of a property."""

    @contextmanager
    def make(clock: Clock) -> Iterator[Installation]:
        url = store.migrated()
        installation = open_installation(settings_of(url), clock)
        yield installation
        installation.close()
        store.drop(url)

    return make


@pytest.fixture
def mei(installation: Installation, shop: Shop) -> str:
    return operators.add(installation, "mei", Role.STAFF, [shop.bot_id], PASSWORD).name
