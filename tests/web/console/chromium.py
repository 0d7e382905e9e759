"""What tests in a real Chromium have in common."""

from __future__ import annotations

import os
import shutil

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.stores import only
from tests.web.console.visitor import PASSWORD, SIGN_IN

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NEEDED = [
    # In CI it has to be there: .ci/run installs it.
    pytest.mark.skipif(
        CHROMIUM is None and "CI" not in os.environ, reason="there is no chromium to look at pages with"
    ),
    pytest.mark.usefixtures("staff"),
    only("sqlite", why="what a browser makes of a page does not depend on the store"),
]
"""The marks of a module of such tests."""

TIMEOUT_MILLISECONDS = 15_000


def sign_in(page: Page, name: str = "staff") -> None:
    page.goto(SIGN_IN)
    page.fill("#name", name)
    page.fill("#password", PASSWORD)
    page.click("main button")
    page.wait_for_url("**/console/bots")


def open_all(page: Page) -> None:
    """Unfold whatever is folded."""
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")


def overhang(page: Page) -> int:
    """By how many pixels the page is wider than the screen."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wider


def assert_accessible(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    assert not serious, (page.url, [(each["id"], [node["html"] for node in each["nodes"]]) for each in serious])
