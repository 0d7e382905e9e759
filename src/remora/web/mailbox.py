"""How answers come from an engine's thread to the event loop: those of a batch together, and nobody waits for ever.

A request that waits costs the loop one future. What a thread's own would cost beside it, a lock, a wake-up of the
loop and a timer for each request, is here one wake-up for a batch and one timer for all.
"""

from __future__ import annotations

import asyncio
import threading
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from remora.engine import Queue
from remora.errors import StoreUnavailable

OPENED_TOGETHER = 8
"""After so many answers the loop looks for others who want something: each answer has to be sent, and mostly brings
the caller's next request at once, so that a look-up would else wait for the whole of a batch's callers.
"""

Item = TypeVar("Item")
Result = TypeVar("Result")


class Mailbox(Generic[Item, Result]):
    """The answers of an engine that requests wait for. Whoever waits longer than `patience_seconds` is told so, and
    what was not begun by then is not done.
    """

    def __init__(self, engine: Queue[Item, Result], patience_seconds: float) -> None:
        self._engine = engine
        self._patience_seconds = patience_seconds
        self._box: _Box[Result] | None = None

    def is_empty(self) -> bool:
        """Whether nobody waits for an answer."""
        return self._box is None or self._box.is_empty()

    async def answer_of(self, bot_id: str, item: Item, sender: object) -> Result:
        """Queue an item, and wait for its answer, for a bounded time. What was accepted is carried out, though the
        one who waits for it be told to stop.
        """
        # Asking which loop it is costs a system call; one that is not over is this one.
        if self._box is None or not self._box.loop.is_running():
            self._box = _Box(asyncio.get_running_loop(), self._engine.wake, self._patience_seconds)
        letter: _Letter[Result] = _Letter(self._box)
        self._engine.queue(bot_id, item, letter, sender, wake=False)
        self._box.wake_engine()
        self._box.expect(letter)
        return await letter.future


def too_slow(*, begun: bool) -> StoreUnavailable:
    """What those are told who have waited too long."""
    if not begun:
        return StoreUnavailable("the database is too slow now; nothing was done")
    return StoreUnavailable(
        "the database does not answer; whether it was done is not known: send the same again, with its key"
    )


class _Letter(Generic[Result]):
    """One answer that is waited for. See `Reply`; the engine's thread writes it, the loop's reads it."""

    __slots__ = ("_box", "_owned", "deadline", "fault", "future", "result")

    def __init__(self, box: _Box[Result]) -> None:
        self._box = box
        self._owned = threading.Lock()
        self.deadline = box.loop.time() + box.patience_seconds
        self.future: asyncio.Future[Result] = box.loop.create_future()
        self.result: Result | None = None
        self.fault: BaseException | None = None

    def set_running_or_notify_cancel(self) -> bool:
        return self._owned.acquire(blocking=False)

    def take_back(self) -> bool:
        """Whether the item was not begun yet. If so, it never will be."""
        return self._owned.acquire(blocking=False)

    def set_result(self, result: Result, /) -> None:
        self.result = result
        self._box.post(self)

    def set_exception(self, exception: BaseException, /) -> None:
        self.fault = exception
        self._box.post(self)

    def open(self) -> None:
        """Hand the answer to whoever waits for it, if anyone still does."""
        if self.future.done():
            return
        if self.fault is not None:
            self.future.set_exception(self.fault)
        else:
            self.future.set_result(self.result)  # type: ignore[arg-type]  # no fault: it is the result, None or not


class _Box(Generic[Result]):
    """The letters of one event loop."""

    def __init__(self, loop: AbstractEventLoop, wake: Callable[[], None], patience_seconds: float) -> None:
        self.loop = loop
        self.patience_seconds = patience_seconds
        self._posted: deque[_Letter[Result]] = deque()
        self._posting = threading.Lock()
        # In the order of their deadlines, for all wait equally long.
        self._expected: deque[_Letter[Result]] = deque()
        self._timed = False
        self._wake = wake
        self._waking = False

    def is_empty(self) -> bool:
        return not self._expected

    def wake_engine(self) -> None:
        """In the loop: let the engine begin once the loop has gone through all that is ready, so that what came
        together is one batch, and the threads change places once.
        """
        if not self._waking:
            self._waking = True
            self.loop.call_soon(self._wake_now)

    def _wake_now(self) -> None:
        self._waking = False
        self._wake()

    def post(self, letter: _Letter[Result]) -> None:
        """In any thread: bring a letter to the loop. Those of a batch come within microseconds: one wake-up does."""
        with self._posting:
            self._posted.append(letter)
            first = len(self._posted) == 1
        if first:
            with suppress(RuntimeError):  # the loop is closed, and nobody waits any more
                self.loop.call_soon_threadsafe(self._open_some)

    def expect(self, letter: _Letter[Result]) -> None:
        """In the loop: see to it that a letter is not waited for too long."""
        self._expected.append(letter)
        if not self._timed:
            self._timed = True
            self.loop.call_at(letter.deadline, self._give_up)

    def _open_some(self) -> None:
        posted = self._posted
        for _ in range(min(len(posted), OPENED_TOGETHER)):
            posted[0].open()
            # Only now, so that whoever finds a letter there can be sure that the loop comes back for theirs.
            posted.popleft()
        if posted:
            self.loop.call_soon(self._open_some)
        while self._expected and self._expected[0].future.done():
            self._expected.popleft()

    def _give_up(self) -> None:
        """Tell those whose time is out. One timer goes on as long as anything is waited for."""
        now = self.loop.time()
        while self._expected and (self._expected[0].future.done() or self._expected[0].deadline <= now):
            letter = self._expected.popleft()
            if not letter.future.done():
                letter.future.set_exception(too_slow(begun=not letter.take_back()))
        self._timed = bool(self._expected)
        if self._timed:
            self.loop.call_at(self._expected[0].deadline, self._give_up)
