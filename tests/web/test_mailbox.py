"""How answers come back from an engine: to everyone, once, and for a bounded time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence

import pytest

from remora.engine import Engine
from remora.errors import StoreUnavailable
from remora.web.mailbox import Mailbox

WAIT_SECONDS = 20.0


class Doubling:
    """Doubles numbers, once it may; one of 13 is a fault. It notes what it was given together."""

    def __init__(self) -> None:
        self.may = threading.Event()
        self.began = threading.Event()
        self.batches: list[list[int]] = []

    def __call__(self, _: str, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        self.began.set()
        assert self.may.wait(WAIT_SECONDS)
        if 13 in numbers:
            raise ValueError("13")
        return [2 * number for number in numbers]


@pytest.fixture
def doubling() -> Doubling:
    return Doubling()


@pytest.fixture
def engine(doubling: Doubling) -> Iterator[Engine[int, int]]:
    engine = Engine("doubling", doubling, weigh=lambda _: 1, most_waiting=10_000, most_together=lambda: 100)
    yield engine
    doubling.may.set()
    engine.close()


async def asked(mailbox: Mailbox[int, int], *numbers: int) -> list[int | BaseException]:
    answers = (mailbox.answer_of("bot", number, None) for number in numbers)
    return await asyncio.wait_for(asyncio.gather(*answers, return_exceptions=True), WAIT_SECONDS)


def test_everyone_gets_their_own_answer_and_a_fault_is_its_own_ones_alone(
    engine: Engine[int, int], doubling: Doubling
) -> None:
    doubling.may.set()
    *answers, fault = asyncio.run(asked(Mailbox(engine, WAIT_SECONDS), *range(100, 3_000), 13))
    assert answers == list(range(200, 6_000, 2))
    assert isinstance(fault, ValueError)


def test_a_mailbox_serves_one_loop_after_the_other(engine: Engine[int, int], doubling: Doubling) -> None:
    doubling.may.set()
    mailbox = Mailbox(engine, WAIT_SECONDS)
    assert [asyncio.run(asked(mailbox, number)) for number in (1, 2, 3)] == [[2], [4], [6]]


def test_who_waits_too_long_is_told_whether_it_was_begun_and_what_was_not_never_is(
    engine: Engine[int, int], doubling: Doubling
) -> None:
    mailbox = Mailbox(engine, 0.5)

    async def ask() -> list[int | BaseException]:
        first = asyncio.create_task(mailbox.answer_of("bot", 1, None))
        await asyncio.to_thread(doubling.began.wait, WAIT_SECONDS)
        second = asyncio.create_task(mailbox.answer_of("bot", 2, None))
        return list(await asyncio.wait_for(asyncio.gather(first, second, return_exceptions=True), WAIT_SECONDS))

    begun, waiting = asyncio.run(ask())
    assert isinstance(begun, StoreUnavailable)
    assert "whether it was done is not known" in begun.message
    assert isinstance(waiting, StoreUnavailable)
    assert "nothing was done" in waiting.message
    doubling.may.set()
    engine.close()
    assert doubling.batches == [[1]]
