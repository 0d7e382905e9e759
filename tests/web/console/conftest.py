from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from remora.model import Role
from remora.service import passwords
from remora.service.installation import Installation
from remora.storage import operators
from remora.storage.operators import OperatorRow
from tests.cast import Api, Shop
from tests.web.console.visitor import PASSWORD, Visitor


@pytest.fixture
def visit(api: Api) -> Iterator[Callable[[], Visitor]]:
    """Makes browsers, each with cookies of its own."""
    opened: list[httpx.Client] = []

    def make() -> Visitor:
        opened.append(httpx.Client(base_url=api.http.base_url))
        return Visitor(opened[-1])

    yield make
    for client in opened:
        client.close()


@pytest.fixture
def visitor(visit: Callable[[], Visitor]) -> Visitor:
    """A guest."""
    return visit()


@pytest.fixture(scope="session")
def password_hash() -> str:
    """To hash it anew for each test would take longer than the test."""
    return passwords.hashed(PASSWORD)


@pytest.fixture
def staff(installation: Installation, shop: Shop, password_hash: str) -> None:
    """An operator in each role, named by it: staff and viewer of the one shop, an admin of all."""
    with installation.database.write() as tx:
        for role in Role:
            row = OperatorRow(role, role, password_hash, disabled=False, epoch=0, created_at=0)
            operators.add(tx, row)
            operators.set_bots(tx, role, [] if role is Role.ADMIN else [shop.bot_id])


@pytest.fixture
def signed_in(staff: None, visit: Callable[[], Visitor]) -> Callable[[str], Visitor]:  # noqa: ARG001 (it is wanted there)
    """Makes a browser in which somebody has signed in."""

    def make(name: str) -> Visitor:
        visitor = visit()
        assert visitor.sign_in(name).status_code == 303
        return visitor

    return make


@pytest.fixture
def mei(signed_in: Callable[[str], Visitor]) -> Visitor:
    """Staff of the shop, signed in."""
    return signed_in("staff")
