"""Clients with their balances at an instant: what `explain` says, for everyone; and a file that can be imported."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from contextlib import AbstractContextManager

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remora import rfc3339
from remora.clock import Clock
from remora.errors import NoSuchBot, Refusal
from remora.ledger.commands import Grant, Spend
from remora.model import Platform
from remora.service import clients, history, journal_sheet, standing
from remora.service.export import export
from remora.service.installation import Installation
from remora.service.orders import Who
from remora.service.standing import standings
from remora.storage import rows
from tests.cast import SECOND, START, ManualClock, Shop, open_shop
from tests.importing import run
from tests.moves import aim, command, scripts
from tests.oracle import Move, Past
from tests.wallet import Wallet, eventful

Make = Callable[[Clock], AbstractContextManager[Installation]]
SPAN = range(-3, 12)


def agreed(shop: Shop, at: int) -> None:
    """Everyone stands as `explain` says."""
    found = list(standings(shop.installation, shop.bot_id, at))
    for each in found:
        with shop.installation.database.read() as tx:
            said = history.explain(tx, shop.bot_id, Who(each.client_id), at)
        next_at = None if said.next_expiry_at is None else rfc3339.render(said.next_expiry_at)
        assert (each.points, each.held) == (said.available, said.held)
        assert (each.next_expiry_at, each.next_expiry_points) == (next_at, said.next_expiry_points)


def test_they_are_as_explained_at_any_instant(shop: Shop, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "PAGE", 2)
    eventful(shop, clock)
    for at in sorted({START + n for n in SPAN} | {START + n * SECOND for n in (1, 2, 3, 9, 70)}):
        agreed(shop, at)
    monkeypatch.setattr(rows, "GROUP_ENTRIES", 3)
    agreed(shop, START + 3)


@settings(max_examples=25, deadline=None)
@given(script=scripts(), offsets=st.lists(st.integers(-2, 2 * SECOND), min_size=1, max_size=3))
def test_of_any_journal(make_installation: Make, script: list[Move | int], offsets: list[int]) -> None:
    clock = ManualClock()
    with make_installation(clock) as installation:
        shop = open_shop(installation, "teaShop01")
        wallet = Wallet(shop, shop.client())
        for move in script:
            if isinstance(move, int):
                clock.time += move
                continue
            try:
                wallet.do(command(aim(move, clock.time, Past())))
            except Refusal:
                continue
        for offset in (*offsets, clock.time - START):
            agreed(shop, START + offset)


def test_a_client_that_was_not_there_yet_is_left_out(shop: Shop, clock: ManualClock) -> None:
    shop.client(5)
    clock.time += SECOND
    shop.client(7, platform_client_id="later")
    at_start = list(standings(shop.installation, shop.bot_id, START))
    assert [(each.platform_client_id, each.points) for each in at_start] == [("U1", 5)]
    assert len(list(standings(shop.installation, shop.bot_id))) == 2
    assert list(standings(shop.installation, shop.bot_id, START - 1)) == []


def test_what_is_written_meanwhile_is_not_in_it(
    shop: Shop, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "PAGE", 1)
    for number in range(3):
        shop.client(10, platform_client_id=f"U{number}")
    going = standings(shop.installation, shop.bot_id)
    seen = [next(going)]
    clock.time += SECOND
    for client in clients.page(shop.installation, shop.bot_id, "", 10):
        Wallet(shop, client.client_id).do(Spend(4))
    assert [each.points for each in [*seen, *going]] == [10, 10, 10]


def test_what_is_exported_can_be_imported_elsewhere(shop: Shop, rival: Shop) -> None:
    odd = ("+886", "=1+1", "'=1", "@x", "-5", '空,"x"', " spaced ", "'", "''-")
    for number, theirs in enumerate(odd):
        clients.add(shop.installation, shop.bot_id, Platform.LINE, theirs, f"-client_{number}")
        if number:
            Wallet(shop, f"-client_{number}").do(Grant(number))
    for bom in (False, True):
        file = b"".join(standing.as_csv(standings(shop.installation, shop.bot_id), bom=bom))
        assert not any(
            cell.startswith(("=", "+", "-", "@")) for row in csv.reader(file.decode().splitlines()) for cell in row
        )
        run(rival, file)
        assert list(standings(rival.installation, rival.bot_id)) == list(standings(shop.installation, shop.bot_id))


def test_json_lines_have_the_same(shop: Shop) -> None:
    shop.client(5)
    found = list(standings(shop.installation, shop.bot_id))
    [line] = standing.as_lines(found)
    assert json.loads(line) == {
        "platform": "line",
        "platformClientId": "U1",
        "clientId": found[0].client_id,
        "points": 5,
        "held": 0,
        "nextExpiryAt": None,
        "nextExpiryPoints": 0,
    }


def test_the_journals_sheet_has_every_entry_and_no_formula(shop: Shop, clock: ManualClock) -> None:
    wallet = eventful(shop, clock)
    wallet.do(Spend(1, reason='=HYPERLINK("http://x.invalid")', metadata={"a": "=1"}))
    text = b"".join(journal_sheet.as_csv(shop.installation, shop.bot_id)).decode()
    found = list(csv.DictReader(io.StringIO(text, newline="")))
    lines = [msgspec.json.decode(line) for line in export(shop.installation, shop.bot_id)]
    assert [(each["clientId"], each["hash"], int(each["points"])) for each in found] == [
        (line["clientId"], line["hash"], line["points"]) for line in lines
    ]
    [ours] = [each for each in found if "HYPERLINK" in each["reason"]]
    assert ours["reason"].startswith("'=")
    assert ours["points"] == "-1"
    assert ours["at"] == rfc3339.render(clock.time)
    assert ours["lots"].endswith(":-1")
    assert found[0]["entryId"] == f"{found[0]['clientId']}-1"


def test_of_no_bot_they_are_refused(installation: Installation) -> None:
    with pytest.raises(NoSuchBot):
        list(standings(installation, "nobody"))
