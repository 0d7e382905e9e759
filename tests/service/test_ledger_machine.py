"""The whole service on a real store against a naive ledger (tests/oracle.py), move by move, tidied or never tidied."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from hypothesis import settings as effort
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from remora.clock import Clock
from remora.errors import KeyReused, Refusal
from remora.service import history, lookup, points, tidy, verify
from remora.service.history import Explanation
from remora.service.installation import Installation
from remora.service.orders import Who
from tests.cast import START, ManualClock, Shop, open_shop
from tests.ledger.agreement import answered, refused
from tests.moves import aim, command, instants, moves, waits
from tests.oracle import Answer, Move, Oracle, Past
from tests.stores import Store

EXAMPLES = {"sqlite": 70, "postgresql": 30}
"""A hundred in all: the rules are the same on both stores, and what differs is how accounts are loaded and saved."""

MakeInstallation = Callable[[Clock], AbstractContextManager[Installation]]


class LedgerMachine(RuleBasedStateMachine):
    """One client, whose ledger is asked for moves and looked at; the naive one says what must come of it."""

    def __init__(self, make_installation: MakeInstallation, *, tidies: bool) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.opened = make_installation(self.clock)
        self.shop: Shop = open_shop(self.opened.__enter__(), "shop")
        self.client_id = self.shop.client()
        self.tidies = tidies
        self.oracle = Oracle()
        self.kept: dict[str, tuple[Move, Answer]] = {}

    def teardown(self) -> None:
        self.opened.__exit__(None, None, None)

    @initialize(move=moves, amount=st.integers(1, 20))
    def begin(self, move: Move, amount: int) -> None:
        """Most runs are dull without points."""
        self.do(Move("grant", amount))
        self.ask(move)

    @rule(move=moves)
    def ask(self, move: Move) -> None:
        self.do(self.aimed(move))

    @rule(move=moves)
    def ask_what_would_be(self, move: Move) -> None:
        move = self.aimed(move)
        assert self.order(move, dry_run=True) == self.oracle.ask(self.clock.time, move, dry_run=True)

    @rule(move=moves, key=st.sampled_from("abcde"))
    def ask_with_a_key(self, move: Move, key: str) -> None:
        move = self.aimed(move)
        kept, answer = self.kept.get(key, (None, None))
        if kept is None:
            answer = self.oracle.ask(self.clock.time, move)
            self.kept[key] = move, answer
        elif kept != move:
            answer = Answer(KeyReused.__name__)
        assert self.order(move, key) == answer

    @precondition(lambda self: self.kept)
    @rule(choice=st.integers(0, 4))
    def ask_again_with_the_same_key(self, choice: int) -> None:
        key, (move, answer) = list(self.kept.items())[choice % len(self.kept)]
        assert self.order(move, key) == answer

    @rule(wait=waits)
    def wait(self, wait: int) -> None:
        self.clock.time += wait

    @precondition(lambda self: self.tidies)
    @rule()
    def tidy(self) -> None:
        before = self.journal()
        tidy.tidy(self.shop.installation, "shop", lambda _: None)
        self.oracle.tidy(self.clock.time)
        assert self.journal() == before

    @rule(ago=st.integers(0, 30))
    def explain_the_past(self, ago: int) -> None:
        self.check_explanation(max(START, self.clock.time - ago))

    @rule(wait=instants)
    def explain_the_future(self, wait: int) -> None:
        self.check_explanation(self.clock.time + wait)

    @rule(most=st.integers(1, 4))
    def turn_the_pages(self, most: int) -> None:
        assert self.journal(most) == self.journal()

    @invariant()
    def everything_agrees(self) -> None:
        now = self.oracle.now(self.clock.time)
        found = lookup.balances(self.shop.installation, "shop", [self.client_id])
        assert found[self.client_id].points == now.available
        self.check_explanation(now.time)
        journal = self.journal()
        assert [seq for seq, _, _, _ in journal] == list(range(1, len(journal) + 1))
        assert sum(change for _, _, change, _ in journal) == now.available
        assert [line[1:] for line in journal] == [(line.kind, line.points, line.at) for line in now.lines]
        assert list(verify.verify(self.shop.installation, "shop", lambda _: None)) == []

    def aimed(self, move: Move) -> Move:
        return aim(move, self.clock.time, self.oracle.at(self.oracle.written_until))

    def do(self, move: Move) -> None:
        assert self.order(move) == self.oracle.ask(self.clock.time, move)

    def order(self, move: Move, key: str | None = None, *, dry_run: bool = False) -> Answer:
        try:
            done = points.order(self.shop.installation, "shop", self.client_id, command(move), key, dry_run=dry_run)
        except Refusal as refusal:
            return refused(refusal)
        return answered(done.entry, done.available, done.shortfall)

    def journal(self, most: int = 1_000) -> list[tuple[int, str, int, int]]:
        """All of it, oldest first, read in pages."""
        found, before = [], 2**62
        while True:
            with self.shop.installation.database.read() as tx:
                page = history.history(tx, "shop", Who(self.client_id), self.clock.time, most=most, before=before)
            found += [(entry.seq, entry.kind, entry.points, entry.at) for entry in page.entries]
            if page.next_before is None:
                return found[::-1]
            assert len(page.entries) == most
            before = page.next_before

    def check_explanation(self, at: int) -> None:
        with self.shop.installation.database.read() as tx:
            explained = history.explain(tx, "shop", Who(self.client_id), at)
        check(explained, self.oracle.at(at))


def check(explained: Explanation, past: Past) -> None:
    """An explanation adds up, and is that of the naive ledger."""
    assert (explained.available, explained.held) == (past.available, past.held)
    assert sum(lot.free for lot in explained.lots if lot.is_live(explained.at)) == past.available
    assert sum(lot.held for lot in explained.lots) == sum(hold.points for hold in explained.holds) == past.held
    assert [(lot.lot_id, lot.points, lot.free, lot.held) for lot in explained.lots] == [
        (lot_id, lot.points, lot.free, lot.held) for lot_id, lot in sorted(past.lots.items())
    ]
    assert {hold.hold_id for hold in explained.holds} == {hold_id for hold_id, hold in past.holds.items() if hold.open}
    ends = [(lot.until, lot.free) for lot in past.lots.values() if lot.free and lot.until < 2**62]
    first = min(ends)[0] if ends else None
    assert explained.next_expiry_at == first
    assert explained.next_expiry_points == sum(free for until, free in ends if until == first)


@pytest.mark.parametrize("tidies", [True, False], ids=["tidied at any time", "never tidied"])
def test_the_service_agrees_with_a_naive_ledger_whatever_happens(
    store: Store,
    make_installation: MakeInstallation,
    tidies: bool,  # noqa: FBT001 (a parameter of the test)
) -> None:
    run_state_machine_as_test(
        lambda: LedgerMachine(  # type: ignore[arg-type]  # a factory will do
            make_installation, tidies=tidies
        ),
        settings=effort(max_examples=EXAMPLES[store.dialect], stateful_step_count=40, deadline=None),
    )
