"""Script in whatever can be shown, stored or reflected: it is text, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest

from remora.ledger.commands import Grant
from remora.model import Platform, Role
from remora.service import bots, operators
from remora.service.desk import carry_out
from remora.service.installation import Installation
from remora.service.orders import Job, Order, Who
from tests.cast import Shop
from tests.web.console.visitor import PASSWORD, SIGN_IN, Visitor, bot_path, client_path, hidden

EVIL = "</td><script>alert('x')</script><img src=x onerror=\"alert(1)\">{{ 7*7 }}{% raw %}"


def assert_harmless(page: str) -> None:
    lowered = page.lower()
    assert "<script>alert" not in lowered
    assert "<img" not in lowered
    assert 'onerror="' not in lowered
    assert "49" not in page.split("alert(1)")[1][:40] if "alert(1)" in page else True


@pytest.fixture
def evil(installation: Installation, shop: Shop) -> str:
    """A client of whom everything is evil."""
    bots.update(installation, shop.bot_id, name=EVIL)
    name = EVIL[: operators.MAX_NAME]
    operators.add(installation, name, Role.STAFF, [shop.bot_id], PASSWORD)
    client_id = shop.client(platform=Platform.LINE, platform_client_id=EVIL)
    command = Grant(10, reason=EVIL, metadata={EVIL: [EVIL]})
    carry_out(installation, shop.bot_id, [Job((Order(Who(client_id), command, operator=name),))])
    return client_id


@pytest.mark.usefixtures("staff")
def test_what_is_stored_is_shown_as_text(visit: Callable[[], Visitor], shop: Shop, evil: str) -> None:
    visitor = visit()
    assert visitor.sign_in(EVIL[: operators.MAX_NAME]).status_code == 303
    home, bot, client = "/console/bots", bot_path(shop), client_path(shop, evil)
    for path in (
        *(home, bot, f"{bot}/clients", f"{bot}/credentials", client, f"{client}?at=2027-01-15T08:00"),
        *(f"{client}/grant", f"{client}/spend", f"{client}/entries/1/reverse", "/console/nothing"),
    ):
        page = visitor.get(path).text
        assert "&lt;/td&gt;&lt;script&gt;" in page, "it is shown"
        assert_harmless(page)
    form = f"{client}/spend"
    preview = visitor.send(form, hidden(visitor.page(form)) | {"points": "1", "reason": EVIL, "step": "preview"})
    assert preview.status_code == 200
    assert_harmless(preview.text)


def test_what_is_sent_is_shown_as_text(mei: Visitor, shop: Shop) -> None:
    client_id = shop.client(10)
    bot, client = bot_path(shop), client_path(shop, client_id)
    sent = quote(EVIL, safe="")
    for path in (
        f"{bot}/clients?q={sent}&platform={sent}&after={sent}",
        f"{client}?at={sent}&before={sent}&done={sent}",
        f"{bot}/clients/{sent}",
        f"/console/bots/{sent}",
        f"/console/{sent}",
        f"/console/language/{sent}?next={sent}",
        f"/console?{sent}",
    ):
        assert_harmless(mei.get(path).text)
    for form in (f"{client}/grant", f"{client}/spend", f"{client}/entries/1/reverse"):
        filled = dict.fromkeys(("points", "expires", "starts", "reason", "key", "take_available"), EVIL)
        answer = mei.send(form, hidden(mei.page(form)) | filled | {"step": "confirm"})
        assert answer.status_code == 400
        assert "&lt;script&gt;" in answer.text
        assert_harmless(answer.text)


def test_a_name_that_is_refused_is_shown_as_text(visitor: Visitor) -> None:
    answer = visitor.sign_in(EVIL, "wrong", going_on=EVIL)
    assert answer.status_code == 401
    assert "&lt;script&gt;" in answer.text
    assert_harmless(answer.text)
    assert_harmless(visitor.get(f"{SIGN_IN}?next={quote(EVIL, safe='')}").text)
