"""Granting, spending and reversing from the console: seen before it is done, done once, refused beside the field."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from remora.ledger.commands import Grant, Hold, Reverse, Spend
from remora.model import MAX_POINTS
from remora.service import bots, verify
from tests.cast import DAY, START, Shop
from tests.wallet import Wallet
from tests.web.console.visitor import Visitor, client_path, hidden


@pytest.fixture
def wallet(shop: Shop) -> Wallet:
    return Wallet(shop, shop.client(100))


@pytest.fixture
def at(wallet: Wallet) -> str:
    return client_path(wallet.shop, wallet.client_id)


def preview(visitor: Visitor, path: str, **fields: str) -> str:
    """The page that shows what would come of it."""
    answer = visitor.fill_in(path, step="preview", reason=fields.pop("reason", "tea"), **fields)
    assert answer.status_code == 200, answer.text
    assert 'value="confirm"' in answer.text
    return answer.text


def figures(page: str) -> list[str]:
    return re.findall(r'<dd class="big">([^<]*)</dd>', page)


def test_a_grant_is_shown_before_it_is_done_and_done_when_it_is_confirmed(
    mei: Visitor, wallet: Wallet, at: str
) -> None:
    page = preview(mei, f"{at}/grant", points="1,250", reason="opening day")
    assert figures(page) == ["100", "+1,250", "1,350"]
    assert wallet.available == 100
    done = mei.send(f"{at}/grant", hidden(page) | {"step": "confirm"})
    assert (done.status_code, done.headers["location"]) == (303, f"{at}?done=2")
    assert wallet.available == 1_350
    entry = wallet.journal()[-1]
    assert (entry.kind, entry.reason, entry.operator) == ("grant", "opening day", "staff")
    shown = mei.page(done.headers["location"])
    assert "Done: Grant, entry #2. The balance is 1,350." in shown
    assert "opening day" in shown
    assert list(verify.verify(wallet.shop.installation, wallet.shop.bot_id, lambda _: None)) == []


def test_what_is_confirmed_twice_is_done_once(mei: Visitor, wallet: Wallet, at: str) -> None:
    form = hidden(preview(mei, f"{at}/spend", points="30")) | {"step": "confirm"}
    told = [mei.send(f"{at}/spend", form) for _ in range(3)]
    assert {(each.status_code, each.headers["location"]) for each in told} == {(303, f"{at}?done=2")}
    assert wallet.available == 70
    again = mei.send(f"{at}/spend", form | {"step": "preview"})
    assert again.headers["location"] == f"{at}?done=2", "it has been done already"


def test_another_order_under_the_same_key_is_refused_and_given_a_new_one(mei: Visitor, wallet: Wallet, at: str) -> None:
    form = hidden(preview(mei, f"{at}/spend", points="30")) | {"step": "confirm"}
    mei.send(f"{at}/spend", form)
    told = mei.send(f"{at}/spend", form | {"points": "31"})
    assert told.status_code == 409
    assert "used for something else already" in told.text
    assert wallet.available == 70
    assert (
        mei.send(f"{at}/spend", hidden(told.text) | {"points": "31", "reason": "x", "step": "confirm"}).status_code
        == 303
    )
    assert wallet.available == 39


def test_what_was_refused_may_be_mended_and_sent_again(mei: Visitor, wallet: Wallet, at: str) -> None:
    form = hidden(preview(mei, f"{at}/spend", points="100")) | {"step": "confirm"}
    wallet.do(Spend(60))
    told = mei.send(f"{at}/spend", form)
    assert told.status_code == 409
    assert '<p class="wrong" id="points-wrong">The client has 40 points.</p>' in told.text
    assert 'aria-describedby=" points-wrong" aria-invalid="true"' in told.text
    assert (
        mei.send(f"{at}/spend", hidden(told.text) | {"points": "40", "reason": "x", "step": "confirm"}).status_code
        == 303
    )
    assert wallet.available == 0


def test_what_was_filled_in_is_there_again_for_who_goes_back(mei: Visitor, at: str) -> None:
    filled = {"points": "5", "expires": "2030-01-31T23:59:59", "reason": "anniversary"}
    page = preview(mei, f"{at}/grant", **filled)
    back = mei.send(f"{at}/grant", hidden(page) | {"step": "edit"})
    assert back.status_code == 200
    for field, value in filled.items():
        assert re.search(rf'name="{field}"[^>]* value="{value}"', back.text), field
    assert hidden(back.text)["key"] == hidden(page)["key"]


def test_times_are_those_of_the_bots_zone(mei: Visitor, wallet: Wallet, at: str) -> None:
    bots.update(wallet.shop.installation, wallet.shop.bot_id, time_zone="Asia/Taipei")
    page = preview(mei, f"{at}/grant", points="5", starts="2030-01-01T00:00", expires="2030-02-01T00:00:00")
    assert "Asia/Taipei" in page
    assert '<time datetime="2030-01-31T16:00:00Z" title="2030-01-31T16:00:00Z">2030-02-01 00:00:00</time>' in page
    assert figures(page) == ["100", "0", "100"]
    mei.send(f"{at}/grant", hidden(page) | {"step": "confirm"})
    entry = wallet.journal()[-1]
    assert (entry.active_from, entry.expires_at) == (1_893_427_200_000_000, 1_896_105_600_000_000)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("points", "", "whole number"),
        ("points", "0", "whole number"),
        ("points", "-5", "whole number"),
        ("points", "1.5", "whole number"),
        ("points", str(MAX_POINTS + 1), "whole number"),
        ("points", "9" * 4_000, "whole number"),
        ("points", str(MAX_POINTS), "more than 9,007,199,254,740,991"),
        ("expires", "tomorrow", "no time"),
        ("expires", "2001-01-01T00:00", "expire before"),
        ("expires", "0001-01-01T00:00", "expire before"),
        ("starts", "2999-01-01T00:00", "100 years"),
        ("reason", "", "A reason"),
        ("reason", "x" * 501, "A reason"),
        ("reason", "a\tb", "cannot be kept"),
    ],
)
def test_what_cannot_be_is_told_beside_its_field(
    mei: Visitor, wallet: Wallet, at: str, field: str, value: str, told: str
) -> None:
    for step in ("preview", "confirm"):
        answer = mei.fill_in(f"{at}/grant", **{"points": "5", "reason": "tea", "step": step, field: value})
        assert answer.status_code in (400, 409)
        [wrong] = re.findall(rf'<p class="wrong" id="{field}-wrong">([^<]*)</p>', answer.text)
        assert told in wrong
    assert len(wallet.journal()) == 1


@pytest.mark.parametrize("typed", ["\uff11\uff12\uff0c\uff13\uff14\uff15", " 12,345 ", "12345"])
def test_amounts_are_taken_as_people_type_them(mei: Visitor, at: str, typed: str) -> None:
    assert figures(preview(mei, f"{at}/grant", points=typed))[1] == "+12,345"


def test_a_spend_is_reversed_in_part_and_then_the_rest(mei: Visitor, wallet: Wallet, at: str) -> None:
    wallet.do(Spend(60, reason="by mistake"))
    path = f"{at}/entries/2/reverse"
    assert "by mistake" in mei.page(path)
    page = preview(mei, path, points="10")
    assert figures(page) == ["40", "+10", "50"]
    mei.send(path, hidden(page) | {"step": "confirm"})
    assert figures(preview(mei, path, points="")) == ["50", "+50", "100"]
    told = mei.fill_in(path, points="51", reason="x")
    assert "50 points are left to reverse." in told.text
    assert [(entry.kind, entry.points, entry.refers_to) for entry in wallet.journal()[2:]] == [("reverse", 10, 2)]


def test_a_grant_that_was_used_is_reversed_as_far_as_it_can_be(mei: Visitor, wallet: Wallet, at: str) -> None:
    wallet.do(Spend(70))
    path = f"{at}/entries/1/reverse"
    told = mei.fill_in(path, points="", reason="x")
    assert told.status_code == 409
    assert "30 are left to take back, 70 are lacking" in told.text
    page = preview(mei, path, points="", take_available="yes")
    assert figures(page) == ["30", "\u221230", "0"]
    assert "70 points were used already" in page
    mei.send(path, hidden(page) | {"step": "confirm"})
    assert wallet.available == 0


def test_what_cannot_be_reversed_has_no_form(mei: Visitor, wallet: Wallet, at: str) -> None:
    wallet.do(Reverse(1))
    assert "cannot be reversed" in mei.fill_in(f"{at}/entries/2/reverse", points="", reason="x").text
    assert mei.get(f"{at}/entries/99/reverse").status_code == 404
    assert mei.get(f"{at}/entries/{2**70}/reverse").status_code == 404
    assert f"{at}/entries/1/reverse" in mei.page(at)
    assert f"{at}/entries/2/reverse" not in mei.page(at)


def test_a_client_there_is_not_has_no_form(mei: Visitor, shop: Shop) -> None:
    for name in ("nobody", "no%00body", "a b"):
        assert mei.get(f"{client_path(shop, name)}/grant").status_code == 404


def test_the_page_of_a_client_shows_lots_holds_and_journal_a_page_at_a_time(
    mei: Visitor, wallet: Wallet, at: str
) -> None:
    wallet.do(Grant(7, START + 30 * DAY, START + DAY, metadata={"order": "A-1"}))
    wallet.do(Hold(20))
    for number in range(30):
        wallet.do(Grant(1, START + DAY, reason=f"number {number}"))
    newest = mei.page(at)
    assert "number 29" in newest
    assert "number 4" not in newest
    assert "20 more are reserved" in newest
    [older] = re.findall(r'href="(\?before=[^"#]*)', newest)
    page = mei.page(at + older)
    assert "number 4" in page
    assert "number 5" not in page
    assert "{&#34;order&#34;:&#34;A-1&#34;}" in page
    assert '<svg class="chart wide"' in newest


def test_a_balance_is_explained_at_any_instant_of_the_bots_zone(mei: Visitor, wallet: Wallet, at: str) -> None:
    bots.update(wallet.shop.installation, wallet.shop.bot_id, time_zone="Asia/Taipei")
    wallet.do(Grant(11, START + DAY))
    for when, left in (("2027-01-15T15:59:59", "0"), ("2027-01-15T16:00:00", "111"), ("2027-01-16T16:00:00", "100")):
        page = mei.page(f"{at}?at={when}")
        assert re.findall(r'<p class="big">([\d,]+) <', page) == ["111", left], when
    for wrong in ("yesterday", "0001-01-01T00:00:00"):
        assert "This is no time." in mei.page(f"{at}?at={wrong}")
    for extreme in ("0001-01-02T00:00:00", "9999-12-31T23:59:59"):
        assert re.findall(r'<p class="big">([\d,]+) <', mei.page(f"{at}?at={extreme}"))


def test_a_new_pair_is_shown_once_and_issued_once(signed_in: Callable[[str], Visitor], shop: Shop) -> None:
    admin = signed_in("admin")
    path = f"/console/bots/{shop.bot_id}/credentials"
    form = hidden(admin.page(path)) | {"overlap": "5"}
    answer = admin.send(path, form)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    [secret] = re.findall(r'<textarea id="secret"[^>]*>([^<]+)</textarea>', answer.text)
    pair = bots.show(shop.installation, shop.bot_id).pair
    again = admin.send(path, form)
    assert again.status_code == 409
    assert "was not issued again" in again.text
    assert secret not in again.text + admin.page(path)
    assert bots.show(shop.installation, shop.bot_id).pair == pair
    for wrong in ("", "-1", "1441", "soon"):
        assert admin.send(path, hidden(admin.page(path)) | {"overlap": wrong}).status_code == 400
