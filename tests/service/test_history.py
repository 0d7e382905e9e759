"""The journal page by page, and the ledger explained at any instant: the same whether or not it was tidied."""

from __future__ import annotations

from itertools import pairwise

import pytest

from remora.errors import NoClientFound
from remora.ledger.commands import Capture, Command, Grant, Hold, Reverse, Spend
from remora.model import KINDS, NEVER, Entry, Platform
from remora.service import history
from remora.service.history import Explanation
from remora.service.installation import Installation
from remora.service.orders import Who
from tests.cast import SECOND, START, ManualClock, Shop
from tests.wallet import Wallet


@pytest.fixture
def wallet(shop: Shop) -> Wallet:
    return Wallet(shop, shop.client())


def lead_a_life(wallet: Wallet, clock: ManualClock) -> list[tuple[int, int, int]]:
    """Something of every kind; what was seen at each microsecond: instant, available, held."""
    plan: dict[int, list[Command]] = {
        START: [Grant(10, START + 4), Grant(20, START + 6, START + 2), Grant(30)],
        START + 1: [Spend(5), Hold(10, 1)],
        START + 3: [Hold(7), Capture(5, 2)],
        START + 5: [Reverse(4), Reverse(3, 1)],
        START + 7: [Grant(1)],
    }
    seen = []
    for now in range(START - 1, START + 9):
        clock.time = now
        for command in plan.get(now, ()):
            wallet.do(command)
        seen.append((now, wallet.available, wallet.held))
    return seen


def adds_up(explained: Explanation) -> None:
    assert sum(lot.free for lot in explained.lots if lot.is_live(explained.at)) == explained.available
    assert sum(lot.held for lot in explained.lots) == explained.held == sum(hold.points for hold in explained.holds)


def test_the_past_is_explained_as_it_was_seen(wallet: Wallet, clock: ManualClock) -> None:
    seen = lead_a_life(wallet, clock)
    assert len(set(seen)) > 5
    for at, available, held in seen:
        explained = wallet.explain(at)
        adds_up(explained)
        assert (explained.at, explained.available, explained.held) == (at, available, held)


def test_the_future_is_explained_as_it_will_be_seen_if_nothing_is_done(wallet: Wallet, clock: ManualClock) -> None:
    wallet.do(Grant(10, START + 4))
    wallet.do(Grant(20, START + 2 * SECOND, START + 2))
    wallet.do(Hold(3, 1))
    foreseen = {at: wallet.explain(START + at) for at in (0, 2, 3, 4, SECOND - 1, SECOND, 2 * SECOND)}
    for at, explained in foreseen.items():
        clock.time = START + at
        adds_up(explained)
        assert (explained.available, explained.held) == (wallet.available, wallet.held)
    assert [explained.available for explained in foreseen.values()] == [7, 27, 27, 20, 20, 20, 0]
    assert wallet.journal()[-1].kind == "expire"


@pytest.mark.parametrize("at", [0, 1, START - 1, START])
def test_before_the_first_entry_there_was_nothing(wallet: Wallet, clock: ManualClock, at: int) -> None:
    clock.time = START + 1
    wallet.do(Grant(10))
    explained = wallet.explain(at)
    assert (explained.available, explained.held, explained.lots, explained.holds) == (0, 0, [], [])
    assert (explained.next_expiry_at, explained.next_expiry_points) == (None, 0)


def test_an_explanation_says_what_expires_next(wallet: Wallet, clock: ManualClock) -> None:
    wallet.do(Grant(1))
    for amount, life in ((5, 9), (3, 4), (2, 4)):
        wallet.do(Grant(amount, START + life))
    assert (wallet.explain().next_expiry_at, wallet.explain().next_expiry_points) == (START + 4, 5)
    wallet.do(Spend(4))
    assert (wallet.explain().next_expiry_at, wallet.explain().next_expiry_points) == (START + 4, 1)
    clock.time = START + 4
    assert (wallet.explain().next_expiry_at, wallet.explain().next_expiry_points) == (START + 9, 5)
    clock.time = START + 9
    assert (wallet.explain().next_expiry_at, wallet.explain().next_expiry_points) == (None, 0)


def test_unwritten_events_are_shown_exactly_as_they_will_be_written(wallet: Wallet, clock: ManualClock) -> None:
    wallet.do(Grant(10, START + 4))
    wallet.do(Grant(20, START + 6, START + 2))
    wallet.do(Hold(3, 1))
    clock.time = START + 2 * SECOND
    entries, explained, pages = wallet.journal(), wallet.explain(), read(wallet, 2)
    assert [entry.kind for entry in entries[3:]] == ["start", "expire", "expire", "timeout", "expire"]
    wallet.tidy()
    assert (wallet.journal(), wallet.explain(), read(wallet, 2)) == (entries, explained, pages)


def test_looking_writes_nothing(wallet: Wallet, clock: ManualClock) -> None:
    wallet.do(Grant(10, START + 4))
    clock.time = START + 4
    first = wallet.journal()[-1]
    clock.time += 5
    assert (first.recorded_at, wallet.journal()[-1].recorded_at) == (START + 4, START + 9)


def read(wallet: Wallet, most: int) -> list[Entry]:
    """All pages, one after the other."""
    page = wallet.page(most)
    found = page.entries
    while page.next_before is not None:
        page = wallet.page(most, before=page.next_before)
        assert page.entries
        found = found + page.entries
    return found


@pytest.mark.parametrize("most", [1, 2, 3, 11, 12, 13, 100])
def test_pages_of_any_size_have_every_entry_once(wallet: Wallet, clock: ManualClock, most: int) -> None:
    for number in range(1, 9):
        wallet.do(Grant(number, START + 1 + number // 3))
    clock.time += 2
    assert [entry.seq for entry in read(wallet, most)] == list(range(len(wallet.journal()), 0, -1))
    assert len(wallet.journal()) == 13


def test_pages_neither_repeat_nor_skip_while_writes_go_on(wallet: Wallet, clock: ManualClock) -> None:
    for number in range(1, 10):
        wallet.do(Grant(number, START + number))
    clock.time = START + 4
    known = [entry.seq for entry in wallet.page().entries]
    found, before = [], NEVER
    while True:
        page = wallet.page(2, before=before)
        found += [entry.seq for entry in page.entries]
        if page.next_before is None:
            break
        before = page.next_before
        clock.time += 1
        wallet.do(Grant(1, clock.time + 2))
        if before % 3 == 0:
            wallet.tidy()
    assert found == known


def test_a_page_that_is_just_full_is_the_last(wallet: Wallet) -> None:
    for _ in range(4):
        wallet.do(Grant(1))
    assert wallet.page(4).next_before is None
    assert wallet.page(3).next_before == 2
    assert wallet.page(3, before=2).next_before is None
    assert (wallet.page(3, before=1).entries, wallet.page(3, before=0).entries) == ([], [])


@pytest.mark.parametrize("tidied", [True, False])
def test_filters_choose_by_kind_and_by_time(wallet: Wallet, clock: ManualClock, tidied: bool) -> None:  # noqa: FBT001
    lead_a_life(wallet, clock)
    wallet.do(Grant(3, START + 9))
    clock.time = START + 2 * SECOND
    if tidied:
        wallet.tidy()
    every = wallet.page().entries
    for kind in KINDS:
        assert wallet.page(kinds=[kind]).entries == [entry for entry in every if entry.kind == kind]
    both = wallet.page(kinds=["expire", "grant"], since=START + 2, until=START + 9).entries
    assert both == [e for e in every if e.kind in ("expire", "grant") and START + 2 <= e.at < START + 9]
    assert wallet.page(kinds=[]).entries == []
    for since, until in pairwise(range(START - 1, START + 11)):
        assert wallet.page(since=since, until=until).entries == [entry for entry in every if entry.at == since]


def test_a_filtered_journal_has_pages_too(wallet: Wallet, clock: ManualClock) -> None:
    for number in range(1, 9):
        wallet.do(Grant(number, START + 1 + number // 3))
        wallet.do(Hold(1))
    clock.time += 2
    every = wallet.page(kinds=["grant", "expire"]).entries
    assert {entry.kind for entry in every} == {"grant", "expire"}
    found, before = [], NEVER
    while True:
        page = wallet.page(3, kinds=["grant", "expire"], before=before)
        found += page.entries
        if page.next_before is None:
            break
        before = page.next_before
    assert found == every


def test_a_client_is_found_by_platform_too(wallet: Wallet, installation: Installation) -> None:
    wallet.do(Grant(4))
    who = Who(platform=Platform.LINE, platform_client_id="U1")
    with installation.database.read() as tx:
        explained = history.explain(tx, wallet.shop.bot_id, who, START)
        page = history.history(tx, wallet.shop.bot_id, who, START, most=9)
    assert (explained, page) == (wallet.explain(), wallet.page(9))


def test_who_is_no_client_of_the_bot_has_no_history(wallet: Wallet, installation: Installation, rival: Shop) -> None:
    strangers = [Who("nobody"), Who(wallet.client_id), Who(platform=Platform.LINE, platform_client_id="U1")]
    with installation.database.read() as tx:
        for who in strangers:
            with pytest.raises(NoClientFound):
                history.history(tx, rival.bot_id, who, START, most=1)
            with pytest.raises(NoClientFound):
                history.explain(tx, rival.bot_id, who, START)


def test_of_very_many_lots_the_newest_with_points_are_listed(wallet: Wallet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_LOTS", 3)
    for number in range(1, 7):
        wallet.do(Grant(number, START + 10 + number))
    wallet.do(Spend(3))
    assert [lot.lot_id for lot in wallet.explain().lots] == [4, 5, 6]
    wallet.do(Spend(9))
    assert [lot.lot_id for lot in wallet.explain().lots] == [4, 5, 6]
    assert wallet.explain().available == 9
