"""Holds: what is reserved is neither spent nor lost, until it is captured, released, or the time is out."""

from __future__ import annotations

import pytest

from remora.errors import HoldEnded, InsufficientPoints, InvalidField, NoSuchHold
from remora.ledger.commands import DEFAULT_HOLD_SECONDS, MAX_HOLD_SECONDS, Capture, Command, Grant, Hold, Release, Spend
from tests.cast import SECOND, START, ManualClock, Shop
from tests.wallet import Wallet


@pytest.fixture
def wallet(shop: Shop) -> Wallet:
    return Wallet(shop, shop.client())


def test_held_points_are_not_available_and_cannot_be_used_twice(wallet: Wallet) -> None:
    wallet.do(Grant(10))
    held = wallet.do(Hold(7, reason="a table for two"))
    assert (held.entry.kind, held.entry.points, held.available, wallet.held) == ("hold", -7, 3, 7)
    assert held.entry.expires_at == START + DEFAULT_HOLD_SECONDS * SECOND
    for command in (Spend(4), Hold(4)):
        with pytest.raises(InsufficientPoints) as caught:
            wallet.do(command)
        assert caught.value.available == 3


def test_a_hold_reserves_of_the_lots_that_expire_first(wallet: Wallet) -> None:
    wallet.do(Grant(5))
    wallet.do(Grant(5, START + 20 * SECOND))
    wallet.do(Grant(5, START + 10 * SECOND))
    wallet.do(Hold(7))
    assert [(lot.lot_id, lot.held) for lot in wallet.explain().lots] == [(1, 0), (2, 2), (3, 5)]


def test_a_capture_uses_the_points_and_changes_nothing_else(wallet: Wallet) -> None:
    wallet.do(Grant(10))
    hold = wallet.seq(Hold(7))
    done = wallet.do(Capture(hold))
    assert (done.entry.kind, done.entry.points, done.entry.refers_to, done.available) == ("capture", 0, hold, 3)
    assert (wallet.available, wallet.held, wallet.remaining()) == (3, 0, {1: 3})


def test_of_a_hold_captured_in_part_the_rest_is_released(wallet: Wallet) -> None:
    wallet.do(Grant(10))
    hold = wallet.seq(Hold(7))
    done = wallet.do(Capture(hold, 3))
    assert (done.entry.kind, done.available, wallet.available, wallet.held) == ("capture", 7, 7, 0)
    assert wallet.kinds()[2:] == [("capture", 0), ("release", 4)]


def test_what_is_captured_in_part_is_of_the_lots_that_expire_first(wallet: Wallet) -> None:
    wallet.do(Grant(5))
    wallet.do(Grant(5, START + 10 * SECOND))
    wallet.do(Capture(wallet.seq(Hold(8)), 6))
    assert wallet.remaining() == {1: 4}


def test_a_release_gives_everything_back(wallet: Wallet) -> None:
    wallet.do(Grant(10))
    hold = wallet.seq(Hold(7))
    done = wallet.do(Release(hold))
    assert (done.entry.kind, done.entry.points, done.entry.refers_to, done.available) == ("release", 7, hold, 10)
    assert wallet.held == 0


def test_a_hold_times_out_at_its_instant_and_not_before(wallet: Wallet, clock: ManualClock) -> None:
    wallet.do(Grant(10))
    wallet.do(Hold(7, 2))
    clock.time = START + 2 * SECOND - 1
    assert (wallet.available, wallet.held) == (3, 7)
    clock.time += 1
    assert (wallet.available, wallet.held) == (10, 0)
    assert wallet.kinds()[2:] == [("timeout", 7)]
    assert wallet.do(Spend(10)).available == 0


def test_a_hold_can_be_captured_until_it_times_out_and_not_then(wallet: Wallet, clock: ManualClock) -> None:
    wallet.do(Grant(10))
    first, second = wallet.seq(Hold(2, 1)), wallet.seq(Hold(3, 1))
    clock.time = START + SECOND - 1
    wallet.do(Capture(first))
    clock.time += 1
    with pytest.raises(HoldEnded, match="timed out"):
        wallet.do(Capture(second))
    assert wallet.available == 8


def test_held_points_do_not_expire_under_the_hold(wallet: Wallet, clock: ManualClock) -> None:
    wallet.do(Grant(10, START + 5))
    hold = wallet.seq(Hold(7))
    clock.time = START + 5
    assert (wallet.available, wallet.held) == (0, 7)
    assert wallet.kinds()[2:] == [("expire", -3)]
    wallet.tidy()
    assert wallet.held == 7
    done = wallet.do(Capture(hold))
    assert (done.available, wallet.held, wallet.remaining()) == (0, 0, {})


def test_what_a_release_returns_to_a_dead_lot_expires_at_once(wallet: Wallet, clock: ManualClock) -> None:
    wallet.do(Grant(10, START + 5))
    wallet.do(Grant(1))
    hold = wallet.seq(Hold(7))
    clock.time = START + 9
    assert wallet.do(Release(hold)).available == 1
    assert [(entry.kind, entry.points, entry.at) for entry in wallet.journal()[3:]] == [
        ("expire", -3, START + 5),
        ("release", 7, START + 9),
        ("expire", -7, START + 9),
    ]
    assert (wallet.available, wallet.held) == (1, 0)


def test_what_a_partial_capture_returns_to_a_dead_lot_expires_at_once(wallet: Wallet, clock: ManualClock) -> None:
    wallet.do(Grant(10, START + 5))
    hold = wallet.seq(Hold(10))
    clock.time = START + 5
    done = wallet.do(Capture(hold, 4))
    assert (done.entry.kind, done.available, wallet.available) == ("capture", 0, 0)
    assert wallet.kinds()[2:] == [("capture", 0), ("release", 6), ("expire", -6)]


def test_what_times_out_into_a_dead_lot_expires_at_once(wallet: Wallet, clock: ManualClock) -> None:
    wallet.do(Grant(10, START + 5))
    wallet.do(Hold(10, 1))
    clock.time = START + 2 * SECOND
    assert (wallet.available, wallet.held) == (0, 0)
    assert [(entry.kind, entry.at) for entry in wallet.journal()[2:]] == [
        ("timeout", START + SECOND),
        ("expire", START + SECOND),
    ]


def test_a_hold_that_times_out_as_its_lot_expires_comes_back_first(wallet: Wallet, clock: ManualClock) -> None:
    wallet.do(Grant(10, START + SECOND))
    wallet.do(Hold(4, 1))
    clock.time = START + SECOND
    assert wallet.available == 0
    assert wallet.kinds()[2:] == [("timeout", 4), ("expire", -10)]


@pytest.mark.parametrize("ending", ["captured", "captured in part", "released", "timed out", "timed out and tidied"])
def test_a_hold_ends_once(wallet: Wallet, clock: ManualClock, ending: str) -> None:
    wallet.do(Grant(10))
    hold = wallet.seq(Hold(7, 1))
    match ending:
        case "captured":
            wallet.do(Capture(hold))
        case "captured in part":
            wallet.do(Capture(hold, 1))
        case "released":
            wallet.do(Release(hold))
        case _:
            clock.time += SECOND
    if ending.endswith("tidied"):
        wallet.tidy()
    before = wallet.available
    again: list[Command] = [Capture(hold), Capture(hold, 1), Capture(hold, 8), Release(hold)]
    for command in again:
        with pytest.raises(HoldEnded, match=ending.removesuffix(" and tidied").removesuffix(" in part")):
            wallet.do(command)
    assert (wallet.available, wallet.held) == (before, 0)


@pytest.mark.parametrize("hold_id", [0, -1, 1, 3, 10**18, 2**63 - 1])
def test_a_hold_that_there_is_not_is_refused(wallet: Wallet, hold_id: int) -> None:
    wallet.do(Grant(10))
    wallet.do(Hold(1))
    for command in (Capture(hold_id), Release(hold_id)):
        with pytest.raises(NoSuchHold):
            wallet.do(command)


def test_another_clients_hold_is_not_ones_own(wallet: Wallet, shop: Shop, rival: Shop) -> None:
    wallet.do(Grant(10))
    hold = wallet.seq(Hold(1))
    for other in (Wallet(shop, shop.client(platform_client_id="U2")), Wallet(rival, rival.client())):
        with pytest.raises(NoSuchHold):
            other.do(Release(hold))


def test_more_than_is_held_cannot_be_captured(wallet: Wallet) -> None:
    wallet.do(Grant(10))
    hold = wallet.seq(Hold(7))
    with pytest.raises(InsufficientPoints) as caught:
        wallet.do(Capture(hold, 8))
    assert caught.value.available == 7
    assert wallet.held == 7


@pytest.mark.parametrize("seconds", [0, -1, MAX_HOLD_SECONDS + 1])
def test_a_time_out_that_is_out_of_bounds_is_refused_and_named(wallet: Wallet, seconds: int) -> None:
    wallet.do(Grant(10))
    with pytest.raises(InvalidField, match="timeoutSeconds"):
        wallet.do(Hold(1, seconds))


@pytest.mark.parametrize("points", [0, -1, 2**53])
def test_points_out_of_bounds_are_refused_and_named(wallet: Wallet, points: int) -> None:
    wallet.do(Grant(10))
    hold = wallet.seq(Hold(1))
    for command in (Hold(points), Capture(hold, points), Spend(points)):
        with pytest.raises(InvalidField, match="points"):
            wallet.do(command)


def test_points_that_have_not_started_cannot_be_held(wallet: Wallet, clock: ManualClock) -> None:
    wallet.do(Grant(10, active_from=START + 1))
    with pytest.raises(InsufficientPoints):
        wallet.do(Hold(1))
    clock.time += 1
    assert wallet.do(Hold(1)).available == 9


def test_holds_that_overlap_end_each_on_its_own(wallet: Wallet, clock: ManualClock) -> None:
    wallet.do(Grant(10))
    first, second, third = wallet.seq(Hold(2, 1)), wallet.seq(Hold(3, 2)), wallet.seq(Hold(4, 3))
    wallet.do(Release(second))
    clock.time = START + SECOND
    assert (wallet.available, wallet.held) == (6, 4)
    wallet.do(Capture(third, 1))
    assert (wallet.available, wallet.held) == (9, 0)
    with pytest.raises(HoldEnded):
        wallet.do(Capture(first))
