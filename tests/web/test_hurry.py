"""Few of a turn go ahead, and again few of the next."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from remora.web.hurry import HURRIED_TOGETHER, Hurry


@given(st.lists(st.integers(0, 3 * HURRIED_TOGETHER), max_size=5))
def test_the_first_few_of_each_turn(asked: list[int]) -> None:
    hurry = Hurry()

    async def take(count: int) -> list[bool]:
        taken = [hurry.take() for _ in range(count)]
        await asyncio.sleep(0)
        return taken

    async def turns() -> list[list[bool]]:
        return [await take(count) for count in asked]

    wanted = [[number < HURRIED_TOGETHER for number in range(count)] for count in asked]
    assert asyncio.run(turns()) == wanted
    assert asyncio.run(turns()) == wanted, "a loop that ended left something behind"
