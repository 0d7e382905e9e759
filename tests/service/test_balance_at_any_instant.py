"""The balance against a naive oracle that remembers every grant and adds up those that live."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from remora.ledger.balance import available_at
from remora.ledger.grant import Grant, grant
from remora.model import GENESIS, NEVER, Account, Platform
from remora.service import bots, clients, points
from remora.service.installation import Installation
from tests.cast import START, ManualClock

# Few instants, so that grants, expiries and looks meet at the same one often.
instants = st.integers(0, 12)
events = st.lists(
    st.tuples(st.just("grant"), st.integers(1, 50), st.none() | st.integers(1, 12))
    | st.tuples(st.just("wait"), st.integers(0, 4), st.none()),
    max_size=25,
)


class Oracle:
    """Every grant ever made, as (points, from, until)."""

    def __init__(self) -> None:
        self.grants: list[tuple[int, int, int]] = []

    def available(self, now: int) -> int:
        return sum(points for points, start, end in self.grants if start <= now < end)


def new_account() -> Account:
    return Account(
        bot_id="bot",
        client_id="client",
        available=0,
        held=0,
        next_due_at=NEVER,
        seq=0,
        head_hash=GENESIS,
        settled_at=0,
        lots=(),
    )


def answer_at(account: Account, now: int) -> int:
    """Rule 5: before the due time the stored number, after it the lots."""
    return account.available if now < account.next_due_at else available_at(account.lots, now)


@effort(max_examples=500, deadline=None)
@given(events=events, later=instants)
def test_the_rules_agree_with_the_oracle_at_every_instant(events: list[tuple[str, int, Any]], later: int) -> None:
    account, oracle, now = new_account(), Oracle(), START
    for what, amount, life in events:
        if what == "wait":
            now += amount
        else:
            until = NEVER if life is None else now + life
            account = grant(account, Grant(amount, until), now).account
            oracle.grants.append((amount, now, until))
        assert answer_at(account, now) == oracle.available(now)
    assert answer_at(account, now + later) == oracle.available(now + later)


@effort(max_examples=25, deadline=None)
@given(events=events)
def test_a_look_up_agrees_with_the_oracle_at_every_instant(
    make_installation: Any, events: list[tuple[str, int, Any]]
) -> None:
    clock = ManualClock()
    with make_installation(clock) as installation:
        bots.create(installation, "shop", "shop", 0)
        client_id = clients.add(installation, "shop", Platform.LINE, "U1").client_id
        oracle = Oracle()
        for what, amount, life in events:
            if what == "wait":
                clock.time += amount
            else:
                until = NEVER if life is None else clock.time + life
                points.grant(installation, "shop", client_id, Grant(amount, until))
                oracle.grants.append((amount, clock.time, until))
            assert looked_up(installation, client_id) == oracle.available(clock.time)


def looked_up(installation: Installation, client_id: str) -> int:
    return points.balances(installation, "shop", [client_id]).by_client_id[client_id].points


def test_the_clock_may_run_backwards_and_the_journal_does_not(make_installation: Any) -> None:
    clock = ManualClock()
    with make_installation(clock) as installation:
        bots.create(installation, "shop", "shop", 0)
        client_id = clients.add(installation, "shop", Platform.LINE, "U1").client_id
        first = points.grant(installation, "shop", client_id, Grant(5))
        clock.time -= 1000
        second = points.grant(installation, "shop", client_id, Grant(7))
        assert second.entry.at == first.entry.at
        assert looked_up(installation, client_id) == 12
