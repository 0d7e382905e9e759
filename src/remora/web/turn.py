"""What requests ask in one turn of the event loop is answered at its next, all of one bot's together.

Under load a turn brings requests of many connections, and one reading for all of them costs little more than one for
each. When idle a turn brings one, which waits for nothing but the turn's end.
"""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from remora.errors import Refusal

Item = TypeVar("Item")
Result = TypeVar("Result")


class Turn(Generic[Item, Result]):
    """Gathers a turn's items. `answer_all` gives a result for each item of a bot, in microseconds."""

    def __init__(self, answer_all: Callable[[str, Sequence[Item]], Sequence[Result]]) -> None:
        self._answer_all = answer_all
        self._loop: AbstractEventLoop | None = None
        self._asked: dict[str, list[tuple[Item, Future[Result]]]] = {}

    def answer_of(self, bot_id: str, item: Item) -> Future[Result]:
        """What the item's answer will be in."""
        # Asking which loop it is costs a system call; one that is not over is this one.
        if self._loop is None or not self._loop.is_running():
            self._loop, self._asked = asyncio.get_running_loop(), {}
            self._loop.call_soon(self._end)
        answer: Future[Result] = self._loop.create_future()
        self._asked.setdefault(bot_id, []).append((item, answer))
        return answer

    def _end(self) -> None:
        self._loop = None
        for bot_id, asked in self._asked.items():
            self._answer(bot_id, asked)

    def _answer(self, bot_id: str, asked: list[tuple[Item, Future[Result]]]) -> None:
        try:
            results = self._answer_all(bot_id, [item for item, _ in asked])
        except Exception as fault:  # noqa: BLE001 (it is handed to whoever waits)
            if len(asked) == 1 or isinstance(fault, Refusal):
                for _, answer in asked:
                    if not answer.done():
                        answer.set_exception(fault)
                return
            # One item is at fault, and its neighbours are not to suffer for it.
            for each in asked:
                self._answer(bot_id, [each])
        else:
            for (_, answer), result in zip(asked, results, strict=True):
                if not answer.done():
                    answer.set_result(result)
