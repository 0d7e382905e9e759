"""An engine with more than one thread: another joins in where much waits, and leaves a few to the one that is busy."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest

from remora.engine import Engine
from tests.eventually import SECONDS

ITEMS = FIRST, FEW, MANY = 1, 2, 10


class Held:
    """Carries out items, of which some are held until they are let go; notes in which thread each was."""

    def __init__(self) -> None:
        self.begun = {item: threading.Event() for item in ITEMS}
        self.let_go = {item: threading.Event() for item in ITEMS}
        self.threads: dict[int, int] = {}

    def __call__(self, _: str, items: Sequence[int]) -> Sequence[int]:
        for item in items:
            self.threads[item] = threading.get_ident()
            self.begun[item].set()
            assert self.let_go[item].wait(SECONDS)
        return items


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture
def engine(held: Held) -> Iterator[Engine[int, int]]:
    """Two threads, of which one is busy with FIRST."""
    engine = Engine("held", held, weigh=int, most_waiting=100, most_together=100, threads=2, worth_another=MANY)
    engine.submit("teaShop01", FIRST)
    assert held.begun[FIRST].wait(SECONDS)
    yield engine
    for item in ITEMS:
        held.let_go[item].set()
    engine.close()


def test_another_thread_takes_what_waits_where_it_is_much(held: Held, engine: Engine[int, int]) -> None:
    held.let_go[MANY].set()
    assert engine.submit("teaShop01", MANY).result(SECONDS) == MANY
    assert held.threads[MANY] != held.threads[FIRST]


def test_a_few_are_left_to_the_thread_that_is_busy(held: Held, engine: Engine[int, int]) -> None:
    few = engine.submit("teaShop01", FEW)
    held.let_go[FEW].set()
    held.let_go[FIRST].set()
    assert few.result(SECONDS) == FEW
    assert held.threads[FEW] == held.threads[FIRST]


def test_closing_carries_out_what_waits(held: Held, engine: Engine[int, int]) -> None:
    few, many = engine.submit("teaShop01", FEW), engine.submit("teaShop01", MANY)
    for item in ITEMS:
        held.let_go[item].set()
    engine.close()
    assert (few.result(0), many.result(0)) == (FEW, MANY)
