"""Granting through the service: durable, journalled, idempotent by key."""

from __future__ import annotations

import hashlib
import json

import pytest

from remora.errors import BalanceOutOfRange, InvalidField, KeyReused, NoClientFound, NoSuchBot, Refusal
from remora.ledger.commands import Grant, Hold, Reverse, Spend
from remora.model import GENESIS, MAX_POINTS
from remora.service import lookup, points
from remora.service.installation import Installation
from tests.backdoor import BackDoor
from tests.cast import DAY, SECOND, START, ManualClock, Shop


def test_a_grant_makes_an_entry_and_a_lot_that_is_its_allocation(
    installation: Installation, back_door: BackDoor, shop: Shop
) -> None:
    client_id = shop.client()
    granted = points.order(installation, shop.bot_id, client_id, Grant(50, START + DAY, reason="welcome"))
    assert (granted.entry.seq, granted.entry.kind, granted.entry.points, granted.available) == (1, "grant", 50, 50)
    assert back_door.rows("SELECT lot_id, points, remaining, held, active_from, expires_at FROM lots") == [
        (1, 50, 50, 0, START, START + DAY)
    ]
    assert back_door.rows("SELECT seq, kind, points, available, at, recorded_at, reason FROM entries") == [
        (1, "grant", 50, 50, START, START, "welcome")
    ]
    assert back_door.rows("SELECT refers_to, active_from, expires_at FROM entries") == [(None, START, START + DAY)]
    assert back_door.rows("SELECT seq, lot_id, points FROM entry_lots") == []
    assert back_door.rows("SELECT available, held, next_due_at, seq, settled_at FROM clients") == [
        (50, 0, START + DAY, 1, START)
    ]


def test_what_came_due_is_settled_first_and_dated_at_its_own_time(
    back_door: BackDoor, shop: Shop, clock: ManualClock
) -> None:
    client_id = shop.client()
    for amount, life in ((10, 3), (20, 2), (30, 2), (40, 9)):
        shop.grant(client_id, amount, START + life)
    clock.time = START + 5
    shop.grant(client_id, 1)
    journal = back_door.rows("SELECT seq, kind, points, available, at, recorded_at FROM entries ORDER BY seq")
    assert journal[4:] == [
        (5, "expire", -20, 80, START + 2, START + 5),
        (6, "expire", -30, 50, START + 2, START + 5),
        (7, "expire", -10, 40, START + 3, START + 5),
        (8, "grant", 1, 41, START + 5, START + 5),
    ]
    assert back_door.rows("SELECT lot_id, remaining FROM lots ORDER BY lot_id") == [
        (1, 0), (2, 0), (3, 0), (4, 40), (8, 1)
    ]  # fmt: skip
    assert back_door.rows("SELECT available, next_due_at FROM clients") == [(41, START + 9)]


def test_entries_are_chained_by_hash(
    installation: Installation, back_door: BackDoor, shop: Shop, clock: ManualClock
) -> None:
    client_id = shop.client(3)
    points.order(installation, shop.bot_id, client_id, Grant(5, START + SECOND, metadata={"b": 1, "a": [2]}))
    points.order(installation, shop.bot_id, client_id, Spend(6, reason="tea"))
    points.order(installation, shop.bot_id, client_id, Reverse(3, 2))
    clock.time += 2 * SECOND
    points.order(installation, shop.bot_id, client_id, Hold(1))
    allocations = back_door.rows(
        "SELECT lot_id, lot_id, points FROM lots UNION ALL SELECT seq, lot_id, points FROM entry_lots ORDER BY 1, 2"
    )
    previous, kinds = GENESIS, []
    for (
        seq,
        kind,
        points_,
        available,
        at,
        recorded_at,
        reason,
        metadata,
        refers_to,
        active_from,
        expires_at,
        kept,
    ) in back_door.rows(
        """SELECT seq, kind, points, available, at, recorded_at, reason, metadata, refers_to, active_from, expires_at,
                  hash FROM entries ORDER BY seq""",
    ):
        lots = [[lot_id, change] for of, lot_id, change in allocations if of == seq]
        about = json.loads(metadata) if isinstance(metadata, str) else None
        fields = [shop.bot_id, client_id, seq, kind, points_, available, at, recorded_at, lots, reason, about]
        text = json.dumps([*fields, refers_to, active_from, expires_at], sort_keys=True, separators=(",", ":"))
        previous = hashlib.sha256(previous + text.encode()).digest()
        kinds.append(kind)
        assert kept == previous
    assert kinds == ["grant", "grant", "spend", "reverse", "expire", "hold"]
    assert back_door.rows("SELECT head_hash FROM clients") == [(previous,)]


@pytest.mark.parametrize("amount", [0, -1, MAX_POINTS + 1])
def test_points_out_of_bounds_are_refused_and_named(installation: Installation, shop: Shop, amount: int) -> None:
    with pytest.raises(InvalidField, match="points"):
        points.order(installation, shop.bot_id, shop.client(), Grant(amount))


@pytest.mark.parametrize("late", [0, 1, START])
def test_an_expiry_that_is_not_to_come_is_refused_and_named(installation: Installation, shop: Shop, late: int) -> None:
    with pytest.raises(InvalidField, match="expiresAt"):
        points.order(installation, shop.bot_id, shop.client(), Grant(1, START - late))


@pytest.mark.parametrize("reason", ["", "x" * 501, "line\nbreak", "\udcff"])
def test_a_reason_that_cannot_be_shown_is_refused_and_named(
    installation: Installation, shop: Shop, reason: str
) -> None:
    with pytest.raises(InvalidField, match="reason"):
        points.order(installation, shop.bot_id, shop.client(), Grant(1, reason=reason))


def test_a_grant_past_the_largest_balance_is_refused_and_changes_nothing(
    installation: Installation, back_door: BackDoor, shop: Shop
) -> None:
    client_id = shop.client(MAX_POINTS - 1)
    with pytest.raises(BalanceOutOfRange):
        points.order(installation, shop.bot_id, client_id, Grant(2))
    points.order(installation, shop.bot_id, client_id, Grant(1))
    assert back_door.rows("SELECT available, seq FROM clients") == [(MAX_POINTS, 2)]


def test_an_expired_balance_makes_room(installation: Installation, shop: Shop, clock: ManualClock) -> None:
    client_id = shop.client()
    shop.grant(client_id, MAX_POINTS, START + 1)
    clock.time += 1
    assert points.order(installation, shop.bot_id, client_id, Grant(MAX_POINTS)).available == MAX_POINTS


def test_an_unknown_bot_and_an_unknown_client_are_refused(installation: Installation, shop: Shop, rival: Shop) -> None:
    with pytest.raises(NoSuchBot):
        points.order(installation, "nobody", shop.client(), Grant(1))
    with pytest.raises(NoClientFound):
        points.order(installation, rival.bot_id, shop.client(), Grant(1))


def test_the_same_key_and_request_is_granted_once_and_answered_alike(
    installation: Installation, shop: Shop, clock: ManualClock
) -> None:
    client_id = shop.client()
    first = points.order(installation, shop.bot_id, client_id, Grant(5), "order-1")
    clock.time += DAY
    shop.grant(client_id, 100)
    assert points.order(installation, shop.bot_id, client_id, Grant(5), "order-1") == first
    assert lookup.balances(installation, shop.bot_id, [client_id])[client_id].points == 105


def test_the_same_key_with_another_request_is_a_conflict(installation: Installation, shop: Shop) -> None:
    client_id = shop.client()
    points.order(installation, shop.bot_id, client_id, Grant(5), "order-1")
    for other in (Grant(6), Grant(5, START + DAY), Grant(5, reason="x"), Grant(5, metadata={})):
        with pytest.raises(KeyReused):
            points.order(installation, shop.bot_id, client_id, other, "order-1")


def test_a_key_keeps_a_refusal_too(installation: Installation, shop: Shop, clock: ManualClock) -> None:
    client_id = shop.client()
    shop.grant(client_id, MAX_POINTS, START + 1)

    def refusal() -> Refusal:
        with pytest.raises(BalanceOutOfRange) as caught:
            points.order(installation, shop.bot_id, client_id, Grant(1), "order-1")
        return caught.value

    first = refusal()
    clock.time += 1
    assert refusal().message == first.message


def test_a_dry_run_answers_as_the_order_would_and_keeps_nothing(
    installation: Installation, back_door: BackDoor, shop: Shop, clock: ManualClock
) -> None:
    client_id = shop.client()
    shop.grant(client_id, 3, START + 1)
    clock.time += 1
    before = back_door.rows("SELECT * FROM clients"), back_door.rows("SELECT * FROM entries")
    tried = points.order(installation, shop.bot_id, client_id, Grant(5), "order-1", dry_run=True)
    assert (tried.entry.seq, tried.available) == (3, 5)
    assert (back_door.rows("SELECT * FROM clients"), back_door.rows("SELECT * FROM entries")) == before
    assert back_door.rows("SELECT count(*) FROM operations") == [(0,)]
    assert points.order(installation, shop.bot_id, client_id, Grant(5), "order-1") == tried
    with pytest.raises(InvalidField):
        points.order(installation, shop.bot_id, client_id, Grant(0), dry_run=True)


def test_a_key_of_one_bot_is_not_anothers(installation: Installation, shop: Shop, rival: Shop) -> None:
    points.order(installation, shop.bot_id, shop.client(), Grant(5), "order-1")
    assert points.order(installation, rival.bot_id, rival.client(), Grant(6), "order-1").available == 6


@pytest.mark.parametrize("key", ["", "a" * 129, "a b", "é", "a\n"])
def test_a_key_that_is_not_visible_ascii_is_refused_and_named(installation: Installation, shop: Shop, key: str) -> None:
    with pytest.raises(InvalidField, match="key"):
        points.order(installation, shop.bot_id, shop.client(), Grant(1), key)
