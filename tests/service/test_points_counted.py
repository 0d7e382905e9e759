"""Points are counted once they are on disk, once, and whatever becomes of the orders around them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remora.clock import Clock
from remora.ledger.commands import Capture, Command, Grant, Hold, OnShortfall, Release, Reverse, Spend
from remora.model import Entry
from remora.service import desk
from remora.service.installation import Installation
from remora.service.orders import Job, Order, Who
from remora.storage import journal
from remora.web.metrics import Metrics
from remora.web.tally import Tally
from tests.cast import SECOND, START, ManualClock, Shop, open_shop
from tests.wallet import Wallet

MakeInstallation = Callable[[Clock], AbstractContextManager[Installation]]

SEQS = st.integers(1, 6)
PARTS = st.none() | st.integers(1, 8)


def commands(now: int) -> st.SearchStrategy[Command]:
    ends = st.none() | st.integers(1, 12).map(lambda later: now + later)
    starts = st.none() | st.integers(0, 4).map(lambda later: now + later)
    return st.one_of(
        st.builds(Grant, points=st.integers(1, 30), expires_at=ends, active_from=starts),
        st.builds(Spend, points=st.integers(1, 5)),
        st.builds(Hold, points=st.integers(1, 5), timeout_seconds=st.just(1)),
        st.builds(Capture, hold_id=SEQS, points=PARTS),
        st.builds(Release, hold_id=SEQS),
        st.builds(Reverse, seq=SEQS, points=PARTS, shortfall=st.sampled_from(OnShortfall)),
    )


def orders(client_ids: list[str], now: int) -> st.SearchStrategy[Order]:
    whose = st.sampled_from([Who(client_id) for client_id in (*client_ids, "nobody")])
    return st.builds(Order, who=whose, command=commands(now), key=st.none() | st.sampled_from("abcdefgh"))


def jobs(client_ids: list[str], now: int) -> st.SearchStrategy[Job]:
    together = st.lists(orders(client_ids, now), min_size=1, max_size=4).map(tuple)
    rarely = st.sampled_from([False, False, True])
    return st.builds(Job, orders=together, atomic=rarely, dry_run=rarely)


def expected(entries: list[Entry]) -> dict[str, int]:
    """What the journal says, kind by kind."""
    moved: Counter[str] = Counter()
    for entry in entries:
        points = sum(change.points for change in entry.lots)
        moved["granted"] += points if entry.kind == "grant" else 0
        moved["spent"] -= points if entry.kind in ("spend", "capture") else 0
        moved["expired"] -= points if entry.kind == "expire" else 0
        moved["held"] -= points if entry.kind == "hold" else 0
        moved["released"] += points if entry.kind in ("release", "timeout") else 0
        moved["returned"] += points if entry.kind == "reverse" and points > 0 else 0
        moved["revoked"] -= points if entry.kind == "reverse" and points < 0 else 0
    return {kind: points for kind, points in moved.items() if points}


def counted(tally: Tally) -> dict[str, int]:
    [reading] = tally.readings()
    return {kind: int(points) for (_, bot, kind), [points] in reading.cells.items() if bot == "teaShop01"}


def test_the_counters_are_the_journal(make_installation: MakeInstallation) -> None:
    @settings(max_examples=60, deadline=None)
    @given(data=st.data())
    def agree(data: st.DataObject) -> None:
        clock = ManualClock()
        with make_installation(clock) as installation:
            shop = open_shop(installation, "teaShop01")
            wallets = [Wallet(shop, shop.client(platform_client_id=name)) for name in ("U1", "U2")]
            client_ids = [wallet.client_id for wallet in wallets]
            tally = Tally()
            for client_id in client_ids:  # most runs are dull without points
                carry_out(shop, tally, Grant(20), Hold(2, 1), Grant(5, START + 3), who=client_id)
            for _ in range(data.draw(st.integers(1, 8))):
                clock.time += data.draw(st.sampled_from([0, 1, 2, 5, 1_000_000]))
                together = data.draw(st.lists(jobs(client_ids, clock.time), min_size=1, max_size=3))
                desk.carry_out(installation, "teaShop01", together, Metrics(tally).moved)
            with installation.database.read() as tx:
                entries = [entry for each in client_ids for entry in journal.oldest_first(tx, "teaShop01", each)]
                kept = [journal.lots(tx, "teaShop01", each, 1_000) for each in client_ids]
            found = counted(tally)
            assert found == expected(entries)
            # What all lots have left is what came less what went.
            total: Counter[str] = Counter(found)
            left = sum(lot.remaining for lots in kept for lot in lots)
            assert left == total["granted"] + total["returned"] - total["spent"] - total["expired"] - total["revoked"]

    agree()


def carry_out(shop: Shop, tally: Tally, *command: Command, **how: Any) -> None:
    who = how.pop("who")
    key = how.pop("key", None)
    ordered = tuple(Order(Who(who), each, key) for each in command)
    desk.carry_out(shop.installation, shop.bot_id, [Job(ordered, **how)], Metrics(tally).moved)


def test_only_what_was_done_is_counted_and_once(shop: Shop) -> None:
    client_id, tally = shop.client(), Tally()
    carry_out(shop, tally, Grant(100), who=client_id)
    carry_out(shop, tally, Grant(7), who=client_id, dry_run=True)
    carry_out(shop, tally, Spend(10), who=client_id, key="k1")
    carry_out(shop, tally, Spend(10), who=client_id, key="k1")
    carry_out(shop, tally, Spend(11), who=client_id, key="k1")
    carry_out(shop, tally, Spend(1_000), who=client_id)
    carry_out(shop, tally, Spend(20), Spend(1_000), who=client_id, atomic=True)
    carry_out(shop, tally, Spend(1), Spend(2), who=client_id, atomic=True)
    assert counted(tally) == {"granted": 100, "spent": 13}


def test_each_kind_is_what_its_name_says(shop: Shop, clock: ManualClock) -> None:
    client_id, tally = shop.client(), Tally()
    carry_out(shop, tally, Grant(100), Spend(10), Hold(20), Capture(3, 15), Hold(4), Release(6), who=client_id)
    assert counted(tally) == {"granted": 100, "spent": 10 + 15, "held": 20 + 4, "released": 5 + 4}
    carry_out(shop, tally, Reverse(2, 7), Reverse(1, 30), who=client_id)
    assert (counted(tally)["returned"], counted(tally)["revoked"]) == (7, 30)
    carry_out(shop, tally, Grant(9, START + 5), Hold(3, 1), who=client_id)
    clock.time += 2 * SECOND
    carry_out(shop, tally, Spend(1), who=client_id)
    # What the hold gives back goes to the lot that has expired meanwhile, and expires with it.
    assert counted(tally) == {
        "granted": 109,
        "spent": 26,
        "held": 27,
        "released": 12,
        "returned": 7,
        "revoked": 30,
        "expired": 9,
    }


def test_points_are_granted_when_the_grant_is_made_and_expired_when_that_is_written(
    shop: Shop, clock: ManualClock
) -> None:
    client_id, tally = shop.client(), Tally()
    carry_out(shop, tally, Grant(5, START + 20, START + 10), who=client_id)
    assert counted(tally) == {"granted": 5}
    clock.time = START + 30
    assert counted(tally) == {"granted": 5}
    carry_out(shop, tally, Grant(1), who=client_id)
    assert counted(tally) == {"granted": 6, "expired": 5}


def test_what_is_not_kept_is_not_counted(shop: Shop) -> None:
    client_id, tally = shop.client(), Tally()
    with shop.installation.database.write() as tx:
        tx.script("ALTER TABLE entries RENAME TO away;")
    # A grant is decided without this table, and cannot be written without it. Each store has its own error for that.
    with pytest.raises(Exception, match="entries"):
        carry_out(shop, tally, Grant(5), who=client_id)
    assert counted(tally) == {}
    with shop.installation.database.write() as tx:
        tx.script("ALTER TABLE away RENAME TO entries;")
    carry_out(shop, tally, Grant(5), who=client_id)
    assert counted(tally) == {"granted": 5}
