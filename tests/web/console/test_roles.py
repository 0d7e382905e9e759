"""Roles: what each may, for which bot, asked of the service and over HTTP. Whatever is not theirs is not there."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest

from remora.errors import NoSuchBot, NotAllowed, Refusal
from remora.ledger.commands import Grant, Reverse, Spend
from remora.model import Role
from remora.service import bots, console, downloads, import_desk, search, uploads
from remora.service.authority import Authority
from remora.service.installation import Installation
from remora.service.report import Reports
from tests.cast import Shop
from tests.importing import imported, looked_at, rows, stopping_after, undone
from tests.wallet import Wallet
from tests.web.console.visitor import Visitor, bot_path, client_path, hidden

READ, CHANGE, ADMINISTER = "read", "change", "administer"

MAY = {Role.ADMIN: {READ, CHANGE, ADMINISTER}, Role.STAFF: {READ, CHANGE}, Role.VIEWER: {READ}}

FILE = rows("line,U1,,5,,,")


def of(installation: Installation, bot_id: str) -> Shop:
    """A shop whose pair is not needed."""
    return Shop(installation, bot_id, "", "")


Verb = Callable[[Installation, Authority, str, str], object]

VERBS: dict[str, tuple[str, Verb]] = {
    "bot": (READ, lambda i, a, bot, _: console.bot(i, a, bot)),
    "statement": (READ, lambda i, a, bot, client: console.statement(i, a, bot, client, most=1)),
    "search": (READ, lambda i, a, bot, _: search.search(i, a, bot, "", most=1)),
    "report": (READ, lambda i, a, bot, _: Reports().of(i, a, bot)),
    "download": (READ, lambda i, a, bot, _: downloads.download(i, a, bot, "journal", "csv").close()),
    "overview": (READ, lambda i, a, bot, _: import_desk.overview(i, a, bot)),
    "result": (READ, lambda i, a, bot, _: import_desk.result(i, a, bot, imported(of(i, bot), FILE))),
    "import_report": (
        READ,
        lambda i, a, bot, _: import_desk.report(i, a, bot, imported(of(i, bot), FILE), "run").close(),
    ),
    "look": (CHANGE, lambda i, a, bot, _: import_desk.look(i, a, bot, looked_at(of(i, bot), FILE))),
    "look_report": (
        CHANGE,
        lambda i, a, bot, _: import_desk.report(i, a, bot, looked_at(of(i, bot), FILE), "look").close(),
    ),
    "keep": (CHANGE, lambda i, a, bot, _: uploads.keep(i, a, bot, "f.csv", io.BytesIO(FILE))),
    "look_again": (CHANGE, lambda i, a, bot, _: import_desk.look_again(i, a, bot, looked_at(of(i, bot), FILE))),
    "confirm": (CHANGE, lambda i, a, bot, _: import_desk.confirm(i, a, bot, looked_at(of(i, bot), FILE))),
    "go_on": (CHANGE, lambda i, a, bot, _: import_desk.go_on(i, a, bot, imported(of(i, bot), FILE))),
    "undo": (CHANGE, lambda i, a, bot, _: import_desk.undo(i, a, bot, imported(of(i, bot), FILE))),
    "grant": (CHANGE, lambda _, a, bot, client: console.job(a, bot, client, Grant(1), "k", dry_run=False)),
    "spend": (CHANGE, lambda _, a, bot, client: console.job(a, bot, client, Spend(1), "k", dry_run=False)),
    "reverse": (CHANGE, lambda _, a, bot, client: console.job(a, bot, client, Reverse(1), "k", dry_run=True)),
    "undoable": (CHANGE, lambda i, a, bot, client: console.undoable(i, a, bot, client, 1)),
    "issue_pair": (
        ADMINISTER,
        lambda i, a, bot, _: console.issue_pair(i, a, bot, bots.show(i, bot).pair.token_id, 0),
    ),
}


def authority(role: Role, shop: Shop) -> Authority:
    return Authority("mei", role, frozenset() if role is Role.ADMIN else frozenset([shop.bot_id]))


def told(verb: Callable[[], object]) -> type[Refusal] | None:
    try:
        verb()
    except Refusal as refusal:
        return type(refusal)
    return None


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("name", VERBS)
def test_the_service_lets_a_role_do_what_it_may(installation: Installation, shop: Shop, role: Role, name: str) -> None:
    needs, verb = VERBS[name]
    client_id = shop.client(10)
    refused = told(lambda: verb(installation, authority(role, shop), shop.bot_id, client_id))
    assert refused is (None if needs in MAY[role] else NotAllowed)


@pytest.mark.parametrize("role", [Role.STAFF, Role.VIEWER])
@pytest.mark.parametrize("name", VERBS)
def test_to_the_service_anothers_bot_is_none(
    installation: Installation, shop: Shop, rival: Shop, role: Role, name: str
) -> None:
    needs, verb = VERBS[name]
    client_id = rival.client(10)
    refused = told(lambda: verb(installation, authority(role, shop), rival.bot_id, client_id))
    assert refused is (NotAllowed if needs is ADMINISTER else NoSuchBot)


@pytest.mark.parametrize("bot_id", ["", "x\0", "\ud800", "a b", "x" * 65, "nothing"])
def test_what_is_no_bot_is_none_to_an_admin_either(installation: Installation, bot_id: str) -> None:
    refused = told(lambda: console.bot(installation, Authority("an", Role.ADMIN), bot_id))
    assert refused is NoSuchBot


def test_an_operator_sees_the_bots_that_are_theirs(installation: Installation, shop: Shop, rival: Shop) -> None:
    assert [each.bot.bot_id for each in console.bots_of(installation, authority(Role.VIEWER, shop))] == [shop.bot_id]
    both = {each.bot.bot_id for each in console.bots_of(installation, authority(Role.ADMIN, shop))}
    assert both == {shop.bot_id, rival.bot_id}


PAGES = {
    "": READ,
    "/credentials": READ,
    "/clients": READ,
    "/clients?q=U": READ,
    "/exports": READ,
    "/imports": READ,
    "/imports/{run}": READ,
    "/imports/{run}/report": READ,
    "/imports/{undone}/undo/report": READ,
    "/imports/{run}/undo": CHANGE,
    "/imports/files/{upload}": CHANGE,
    "/imports/files/{upload}/report": CHANGE,
    "/exports/clients": READ,
    "/exports/journal?format=jsonl": READ,
    "/clients/{client}": READ,
    "/clients/{client}/grant": CHANGE,
    "/clients/{client}/spend": CHANGE,
    "/clients/{client}/entries/1/reverse": CHANGE,
}
FORMS = {
    "/clients/{client}/grant": CHANGE,
    "/clients/{client}/spend": CHANGE,
    "/clients/{client}/entries/1/reverse": CHANGE,
    "/imports/files/{upload}": CHANGE,
    "/imports/{stopped}": CHANGE,
    "/imports/{run}/undo": CHANGE,
    "/credentials": ADMINISTER,
}


def names(shop: Shop, client_id: str) -> dict[str, str]:
    """What the parts of a path in braces stand for. Imports there are in each state."""
    return {
        "client": client_id,
        "upload": looked_at(shop, rows("line,U1,,1,,,")),
        "run": imported(shop, rows("line,U1,,2,,,")),
        "undone": undone(shop, rows("line,U1,,3,,,")),
        "stopped": imported(shop, rows("line,U1,,4,,,"), stopping_after(0)),
    }


@pytest.mark.parametrize("role", list(Role))
def test_over_http_a_role_sees_its_pages_and_of_others_nothing(
    signed_in: Callable[[str], Visitor], shop: Shop, rival: Shop, role: Role
) -> None:
    visitor = signed_in(role)
    mine = names(shop, shop.client(10))
    theirs = names(rival, rival.client(10, platform_client_id="secret of the rival"))
    for page, needs in PAGES.items():
        status = visitor.get(bot_path(shop) + page.format(**mine)).status_code
        assert status == (200 if needs in MAY[role] else 403), page
        foreign = visitor.get(bot_path(rival) + page.format(**theirs))
        assert foreign.status_code == (200 if role is Role.ADMIN else 404), page
        if role is not Role.ADMIN:
            assert "secret of the rival" not in foreign.text
            assert "Shop rivalShop" not in foreign.text
            assert _same(foreign.text, rival.bot_id) == _nowhere(visitor, page, theirs), "as if it were not there"


def _nowhere(visitor: Visitor, page: str, named: dict[str, str]) -> str:
    answer = visitor.get("/console/bots/nowhere" + page.format(**named))
    assert answer.status_code == 404
    return _same(answer.text, "nowhere")


def _same(page: str, bot_id: str) -> str:
    """Without what differs from one request, or one bot's id, to the next."""
    return re.sub(r"<code>[0-9a-f]{16}</code>", "", page.replace(bot_id, ""))


@pytest.mark.parametrize("role", list(Role))
def test_over_http_a_role_changes_what_it_may_and_of_others_nothing(
    signed_in: Callable[[str], Visitor], shop: Shop, rival: Shop, role: Role
) -> None:
    visitor = signed_in(role)
    mine, theirs = Wallet(shop, shop.client(100)), Wallet(rival, rival.client(100))
    named = {wallet.shop.bot_id: names(wallet.shop, wallet.client_id) for wallet in (mine, theirs)}
    secret = hidden(visitor.page("/console/bots"))
    for nth, (form, needs) in enumerate(FORMS.items()):
        filled: dict[str, Any] = {"points": "5", "reason": "tea", "step": "confirm", "key": f"k{nth}", "overlap": "0"}
        pairs = bots.show(shop.installation, shop.bot_id), bots.show(rival.installation, rival.bot_id)
        for wallet, pair, allowed in (
            (mine, pairs[0], needs in MAY[role]),
            (theirs, pairs[1], role is Role.ADMIN),
        ):
            before = len(wallet.journal())
            path = bot_path(wallet.shop) + form.format(**named[wallet.shop.bot_id])
            status = visitor.send(path, filled | secret | {"replacing": pair.pair.token_id}).status_code
            changed = len(wallet.journal()) > before or bots.show(shop.installation, wallet.shop.bot_id) != pair
            assert changed is allowed, (form, status)
            assert (status in (200, 303)) is allowed, (form, status)


def test_a_role_that_was_taken_away_is_gone_at_once(
    signed_in: Callable[[str], Visitor], installation: Installation, shop: Shop, rival: Shop
) -> None:
    from remora.service import operators  # noqa: PLC0415 (of this test alone)

    visitor = signed_in("staff")
    operators.update(installation, "staff", Role.VIEWER, [rival.bot_id])
    assert visitor.get(bot_path(shop)).status_code == 404
    assert visitor.get(f"{client_path(rival, rival.client())}/grant").status_code == 403
