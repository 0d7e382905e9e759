"""Reversals: refunds that give back exactly what was used, and grants taken back as far as anything is left."""

from __future__ import annotations

import pytest

from remora.errors import AlreadyReversed, InvalidField, NoSuchEntry, NotReversible, Shortfall
from remora.ledger.commands import Capture, Grant, Hold, OnShortfall, Release, Reverse, Spend
from tests.cast import SECOND, START, ManualClock, Shop
from tests.wallet import Wallet

TAKE = OnShortfall.TAKE_AVAILABLE


@pytest.fixture
def wallet(shop: Shop) -> Wallet:
    return Wallet(shop, shop.client())


def test_a_spend_can_be_refunded_in_parts_until_nothing_is_left(wallet: Wallet) -> None:
    wallet.do(Grant(10))
    spend = wallet.seq(Spend(7))
    first = wallet.do(Reverse(spend, 2, reason="one cup too many"))
    assert (first.entry.kind, first.entry.points, first.entry.refers_to, first.available) == ("reverse", 2, spend, 5)
    assert first.entry.reason == "one cup too many"
    with pytest.raises(AlreadyReversed) as caught:
        wallet.do(Reverse(spend, 6))
    assert caught.value.available == 5
    assert wallet.do(Reverse(spend)).entry.points == 5
    assert wallet.available == 10
    for again in (Reverse(spend), Reverse(spend, 1)):
        with pytest.raises(AlreadyReversed) as caught:
            wallet.do(again)
        assert caught.value.available == 0


def test_a_refund_goes_back_to_the_lots_that_were_used(wallet: Wallet) -> None:
    soon, later = wallet.seq(Grant(5, START + 10)), wallet.seq(Grant(5, START + 20))
    spend = wallet.seq(Spend(8))
    assert wallet.remaining() == {later: 2}
    wallet.do(Reverse(spend))
    assert wallet.remaining() == {soon: 5, later: 5}


def test_a_refund_in_part_goes_to_the_lots_that_expire_last_first(wallet: Wallet) -> None:
    never, later, soon = wallet.seq(Grant(2)), wallet.seq(Grant(3, START + 20)), wallet.seq(Grant(4, START + 10))
    spend = wallet.seq(Spend(9))
    wallet.do(Reverse(spend, 1))
    assert wallet.remaining() == {never: 1}
    wallet.do(Reverse(spend, 3))
    assert wallet.remaining() == {never: 2, later: 2}
    wallet.do(Reverse(spend, 5))
    assert wallet.remaining() == {never: 2, later: 3, soon: 4}


def test_of_lots_that_expire_together_the_newest_gets_back_first(wallet: Wallet) -> None:
    _, newer = wallet.seq(Grant(2, START + 10)), wallet.seq(Grant(2, START + 10))
    spend = wallet.seq(Spend(4))
    wallet.do(Reverse(spend, 2))
    assert wallet.remaining() == {newer: 2}


def test_what_goes_back_to_a_lot_that_expired_meanwhile_expires_at_once(wallet: Wallet, clock: ManualClock) -> None:
    wallet.do(Grant(5, START + 10))
    wallet.do(Grant(1))
    spend = wallet.seq(Spend(4))
    clock.time = START + 10
    done = wallet.do(Reverse(spend))
    assert (done.entry.points, done.available, wallet.available) == (4, 1, 1)
    assert wallet.kinds()[3:] == [("expire", -1), ("reverse", 4), ("expire", -4)]
    with pytest.raises(AlreadyReversed):
        wallet.do(Reverse(spend))


def test_a_refund_over_a_dead_and_a_living_lot_gives_the_living_part_first(wallet: Wallet, clock: ManualClock) -> None:
    wallet.do(Grant(5, START + 10))
    living = wallet.seq(Grant(5))
    spend = wallet.seq(Spend(8))
    clock.time = START + 10
    assert wallet.do(Reverse(spend, 3)).available == 5
    assert wallet.do(Reverse(spend, 5)).available == 5
    assert wallet.remaining() == {living: 5}


def test_a_grant_can_be_taken_back_in_parts(wallet: Wallet) -> None:
    grant = wallet.seq(Grant(10))
    done = wallet.do(Reverse(grant, 4))
    assert (done.entry.points, done.available, done.shortfall) == (-4, 6, 0)
    assert wallet.do(Reverse(grant)).entry.points == -6
    with pytest.raises(AlreadyReversed):
        wallet.do(Reverse(grant, 1))


def test_a_grant_that_was_spent_is_not_taken_back_and_the_refusal_has_the_figures(wallet: Wallet) -> None:
    grant = wallet.seq(Grant(10))
    wallet.do(Grant(100))
    wallet.do(Spend(7))
    with pytest.raises(Shortfall) as caught:
        wallet.do(Reverse(grant))
    assert (caught.value.available, caught.value.shortfall) == (3, 7)
    with pytest.raises(Shortfall) as caught:
        wallet.do(Reverse(grant, 5), "order-1")
    assert (caught.value.available, caught.value.shortfall) == (3, 2)
    with pytest.raises(Shortfall) as again:
        wallet.do(Reverse(grant, 5), "order-1")
    assert (again.value.message, again.value.available, again.value.shortfall) == (caught.value.message, 3, 2)
    assert wallet.available == 103


def test_what_is_left_of_a_grant_is_taken_if_that_is_asked_for(wallet: Wallet) -> None:
    grant = wallet.seq(Grant(10))
    wallet.do(Grant(100))
    spend = wallet.seq(Spend(7))
    done = wallet.do(Reverse(grant, shortfall=TAKE))
    assert (done.entry.points, done.available, done.shortfall) == (-3, 100, 7)
    with pytest.raises(Shortfall) as caught:
        wallet.do(Reverse(grant, shortfall=TAKE))
    assert (caught.value.available, caught.value.shortfall) == (0, 7)
    wallet.do(Reverse(spend))
    assert wallet.do(Reverse(grant, shortfall=TAKE)).entry.points == -7
    assert wallet.available == 100


def test_held_points_of_a_grant_are_not_taken_back(wallet: Wallet) -> None:
    grant = wallet.seq(Grant(10))
    hold = wallet.seq(Hold(6))
    with pytest.raises(Shortfall) as caught:
        wallet.do(Reverse(grant))
    assert (caught.value.available, caught.value.shortfall) == (4, 6)
    assert wallet.do(Reverse(grant, shortfall=TAKE)).shortfall == 6
    wallet.do(Release(hold))
    assert wallet.do(Reverse(grant)).entry.points == -6


def test_a_grant_that_expired_cannot_be_taken_back(wallet: Wallet, clock: ManualClock) -> None:
    grant = wallet.seq(Grant(10, START + 1))
    clock.time += 1
    for wanted in OnShortfall:
        with pytest.raises(Shortfall) as caught:
            wallet.do(Reverse(grant, shortfall=wanted))
        assert (caught.value.available, caught.value.shortfall) == (0, 10)


def test_a_grant_that_has_not_started_can_be_taken_back(wallet: Wallet, clock: ManualClock) -> None:
    grant = wallet.seq(Grant(10, active_from=START + 5))
    part = wallet.do(Reverse(grant, 4))
    assert (part.entry.points, part.available, part.entry.lots[0].points) == (0, 0, -4)
    clock.time = START + 5
    assert wallet.available == 6
    assert wallet.kinds() == [("grant", 0), ("reverse", 0), ("start", 6)]
    assert wallet.do(Reverse(grant)).entry.points == -6


def test_a_grant_that_was_taken_back_whole_does_not_start(wallet: Wallet, clock: ManualClock) -> None:
    wallet.do(Reverse(wallet.seq(Grant(10, START + 9, START + 5))))
    clock.time = START + 20
    assert wallet.available == 0
    assert wallet.kinds() == [("grant", 0), ("reverse", 0)]


def test_a_capture_can_be_refunded_and_its_hold_cannot(wallet: Wallet) -> None:
    wallet.do(Grant(10))
    hold = wallet.seq(Hold(6))
    with pytest.raises(NotReversible):
        wallet.do(Reverse(hold))
    capture = wallet.seq(Capture(hold, 4))
    assert wallet.available == 6
    with pytest.raises(AlreadyReversed) as caught:
        wallet.do(Reverse(capture, 5))
    assert caught.value.available == 4
    assert wallet.do(Reverse(capture, 1)).available == 7
    assert wallet.do(Reverse(capture)).available == 10


def test_what_is_not_a_grant_a_spend_or_a_capture_cannot_be_reversed(wallet: Wallet, clock: ManualClock) -> None:
    wallet.do(Grant(10))
    wallet.do(Grant(5, START + 5 * SECOND, START + 1))
    wallet.do(Reverse(wallet.seq(Spend(1))))
    wallet.do(Hold(3, 1))
    wallet.do(Release(wallet.seq(Hold(1))))
    clock.time = START + 5 * SECOND
    wallet.do(Grant(1))
    others = [entry for entry in wallet.journal() if entry.kind not in ("grant", "spend", "capture")]
    assert {entry.kind for entry in others} == {"reverse", "start", "hold", "release", "timeout", "expire"}
    for entry in others:
        with pytest.raises(NotReversible, match=entry.kind):
            wallet.do(Reverse(entry.seq))


@pytest.mark.parametrize("seq", [0, -1, 2, 10**18, 2**63 - 1])
def test_an_entry_that_there_is_not_cannot_be_reversed(wallet: Wallet, seq: int) -> None:
    wallet.do(Grant(10))
    with pytest.raises(NoSuchEntry):
        wallet.do(Reverse(seq))


def test_another_clients_entry_is_not_ones_own(wallet: Wallet, shop: Shop, rival: Shop) -> None:
    grant = wallet.seq(Grant(10))
    for other in (Wallet(shop, shop.client(platform_client_id="U2")), Wallet(rival, rival.client())):
        with pytest.raises(NoSuchEntry):
            other.do(Reverse(grant))


@pytest.mark.parametrize("points", [0, -1, 2**53])
def test_points_out_of_bounds_are_refused_and_named(wallet: Wallet, points: int) -> None:
    grant = wallet.seq(Grant(10))
    with pytest.raises(InvalidField, match="points"):
        wallet.do(Reverse(grant, points))


def test_an_entry_that_is_due_but_not_written_is_refused_as_if_it_were(wallet: Wallet, clock: ManualClock) -> None:
    wallet.do(Grant(10, START + 1))
    clock.time += 1
    [_, expiry] = wallet.journal()
    with pytest.raises(NotReversible):
        wallet.do(Reverse(expiry.seq))
    wallet.tidy()
    with pytest.raises(NotReversible):
        wallet.do(Reverse(expiry.seq))
