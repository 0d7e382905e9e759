"""What is asked of an embedded store in one turn of the loop: together, to each their own, and nobody for others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from remora.errors import StoreUnavailable
from remora.web.turn import Turn


class Doubling:
    """Doubles numbers; 13 is a fault, and beyond 100 the store is away. It notes what it was given together."""

    def __init__(self) -> None:
        self.together: list[tuple[str, list[int]]] = []

    def __call__(self, bot_id: str, numbers: Sequence[int]) -> list[int]:
        self.together.append((bot_id, list(numbers)))
        if max(numbers) > 100:
            raise StoreUnavailable("away")
        if 13 in numbers:
            raise ValueError("13")
        return [2 * number for number in numbers]


@pytest.fixture
def doubling() -> Doubling:
    return Doubling()


@pytest.fixture
def turn(doubling: Doubling) -> Turn[int, int]:
    return Turn(doubling)


async def asked(turn: Turn[int, int], *numbers: int, bot_id: str = "bot") -> list[int | BaseException]:
    async def ask(number: int) -> int:
        return await turn.answer_of(bot_id, number)

    return await asyncio.gather(*map(ask, numbers), return_exceptions=True)


def test_what_a_turn_brings_is_answered_together(turn: Turn[int, int], doubling: Doubling) -> None:
    assert asyncio.run(asked(turn, *range(10))) == [*range(0, 20, 2)]
    assert doubling.together == [("bot", [*range(10)])]


def test_each_bots_are_answered_apart(turn: Turn[int, int], doubling: Doubling) -> None:
    async def two() -> tuple[list[int | BaseException], list[int | BaseException]]:
        return await asyncio.gather(asked(turn, 1, 2, bot_id="a"), asked(turn, 3, bot_id="b"))

    first, second = asyncio.run(two())
    assert (first, second) == ([2, 4], [6])
    assert sorted(doubling.together) == [("a", [1, 2]), ("b", [3])]


def test_a_later_turn_and_another_loop_are_answered_too(turn: Turn[int, int], doubling: Doubling) -> None:
    async def one_after_the_other() -> list[int | BaseException]:
        return [*await asked(turn, 1), *await asked(turn, 2)]

    assert asyncio.run(one_after_the_other()) == [2, 4]
    assert asyncio.run(one_after_the_other()) == [2, 4]
    assert [numbers for _, numbers in doubling.together] == [[1], [2], [1], [2]]


def test_a_loop_that_ended_amid_a_turn_keeps_nobody_from_an_answer(turn: Turn[int, int]) -> None:
    async def left_behind() -> None:
        turn.answer_of("bot", 1)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(left_behind())
    loop.close()
    assert asyncio.run(asked(turn, 2)) == [4]


def test_a_fault_is_its_own_ones_alone(turn: Turn[int, int]) -> None:
    first, fault, last = asyncio.run(asked(turn, 1, 13, 2))
    assert (first, last) == (2, 4)
    assert isinstance(fault, ValueError)


def test_all_are_told_that_the_store_is_away_and_it_is_asked_once(turn: Turn[int, int], doubling: Doubling) -> None:
    answers = asyncio.run(asked(turn, 1, 101))
    assert [type(answer) for answer in answers] == [StoreUnavailable] * 2
    assert len(doubling.together) == 1


def test_who_waits_no_more_is_passed_over(turn: Turn[int, int]) -> None:
    async def one_leaves() -> int:
        gone, staying = turn.answer_of("bot", 1), turn.answer_of("bot", 2)
        gone.cancel()
        return await staying

    assert asyncio.run(one_leaves()) == 4
