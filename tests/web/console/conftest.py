from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from remora.model import Role
from remora.service import passwords
from remora.service.installation import Installation
from remora.storage import operators
from remora.storage.operators import OperatorRow
from tests.cast import Api, Shop
from tests.web.console.chromium import CHROMIUM, TIMEOUT_MILLISECONDS
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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for the session: as long as it lives its event loop runs in this thread, where other tests run theirs."""
    assert CHROMIUM is not None, "CI has no chromium"
    with sync_playwright() as playwright:
        # As root, which CI is in its container, Chromium has no sandbox. It opens our own pages only.
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        yield launched
        launched.close()


@pytest.fixture
def opened(browser: Browser, api: Api) -> Iterator[Callable[..., Page]]:
    """Opens a browser of somebody's own. Whatever its console complains of, blocked styles and scripts included, fails
    the test; but an answer that is no success is for the test to judge.
    """
    contexts, complaints = [], []

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    def open_(**options: Any) -> Page:
        context = browser.new_context(base_url=str(api.http.base_url), **options)
        context.set_default_timeout(TIMEOUT_MILLISECONDS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", hear)
        page.on("pageerror", lambda problem: complaints.append(str(problem)))
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []
