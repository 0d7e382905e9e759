"""What requests look up in a store that is far away: all that waits is asked for together, in the event loop itself.

What a turn of the loop brings goes on one way, each bot's in a transaction of its own; what comes while it is under way
goes on the next. When idle a way is one question, and nobody waits for others.
"""

from __future__ import annotations

import asyncio
import threading
import time
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial

from msgspec import Struct

from remora.engine import Watch
from remora.errors import Refusal, StoreUnavailable
from remora.service import lookup
from remora.service.installation import Installation
from remora.service.lookup import Answer, Question
from remora.storage.database import Line, Query, Row
from remora.web.mailbox import too_slow
from remora.web.way import Way

IDS_TOGETHER = 5_000
"""At most so many ids are looked up on one way."""

InThread = Callable[[Installation, str, Sequence[Question]], list[Answer]]


class _Asked(Struct, eq=False, gc=False):
    """A question of so many ids, that waits since an instant of the loop's."""

    bot_id: str
    question: Question
    weight: int
    sender: object
    since: float
    answer: asyncio.Future[Answer]


class Reader:
    """The questions of one event loop, which calls all but `close`."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        installation: Installation,
        threads: Executor,
        *,
        timeout_seconds: float,
        patience_seconds: float,
        most_waiting: int,
        watches: Sequence[Watch],
    ) -> None:
        """At most so many ids wait, those of tokens included, and none longer than `patience_seconds`. What takes more
        than one reading is done in `threads`.
        """
        self.loop = loop
        self.installation = installation
        self.watches = watches
        self._threads = threads
        self._patience_seconds = patience_seconds
        self._most_waiting = most_waiting
        # A connection may have to be waited for, which the loop must not do.
        self._opener = ThreadPoolExecutor(1, "remora-reader")
        self._way = Way(loop, self._opener, self._line, timeout_seconds, self.go_on)
        self._waiting: deque[_Asked] = deque()
        self._weight = 0
        self._now: float | None = None
        self._together: set[_Together] = set()
        """Those that are asked, and not answered yet."""
        self._timed = False
        self._closing = False
        self._closed = threading.Event()

    def answer_of(self, bot_id: str, question: Question, sender: object) -> asyncio.Future[Answer]:
        """What the answer will be in. StoreUnavailable, at once, if too much waits."""
        now = self._begin_turn() if self._now is None else self._now
        weight = len(question)
        # A question larger than the whole queue may still come alone.
        if self._waiting and self._weight + weight > self._most_waiting:
            raise StoreUnavailable("too much is waiting for the database; nothing was done")
        answer: asyncio.Future[Answer] = self.loop.create_future()
        self._waiting.append(_Asked(bot_id, question, weight, sender, now, answer))
        self._weight += weight
        return answer

    def close(self) -> None:
        """Take no more, let what was taken be answered, and give the connection back. In another thread than the
        loop's; or when that has ended, and nobody waits any more.
        """
        self._closing = True
        if self.loop.is_running():
            self.loop.call_soon_threadsafe(self.go_on)
            self._closed.wait(self._patience_seconds)
        else:
            self._way.close()
        self._opener.shutdown()

    def elsewhere(self, together: _Together, look: InThread) -> None:
        """Answer questions in a thread."""
        done = self._threads.submit(look, self.installation, together.bot_id, together.questions)
        done.add_done_callback(partial(self._bring, together))

    def apart(self, together: _Together) -> None:
        """Answer questions in threads, each alone."""
        self.over(together)
        for asked in together.asked:
            alone = _Together(self, together.bot_id, [asked])
            self._together.add(alone)
            self.elsewhere(alone, lookup.answer)

    def over(self, together: _Together) -> None:
        """These were answered."""
        self._together.discard(together)
        together.tell_watches()

    def _line(self) -> Line:
        line = self.installation.database.line()
        assert line is not None, "an embedded store is asked without one"
        return line

    def _begin_turn(self) -> float:
        if self._closing:
            raise StoreUnavailable("the server is stopping; nothing was done")
        self._now = self.loop.time()
        self.loop.call_soon(self._end_turn)
        if not self._timed:
            self._timed = True
            self.loop.call_later(self._patience_seconds, self._lose_patience)
        return self._now

    def _end_turn(self) -> None:
        self._now = None
        self.go_on()

    def go_on(self) -> None:
        """Let what waits be asked, unless something is."""
        while self._waiting and not self._way.is_used():
            self._way.begin(self._taken())
        for watch in self.watches:
            watch.waiting(self._weight)
        if self._closing and not self._waiting and not self._together:
            self._way.close()
            self._closed.set()

    def _taken(self) -> list[_Together]:
        """What waits, up to a way of it, by bots."""
        by_bot: dict[str, list[_Asked]] = {}
        weight = 0
        while self._waiting and (not weight or weight + self._waiting[0].weight <= IDS_TOGETHER):
            asked = self._waiting.popleft()
            weight += asked.weight
            if not asked.answer.done():  # else nobody waits for it any more
                by_bot.setdefault(asked.bot_id, []).append(asked)
        self._weight -= weight
        taken = [_Together(self, bot_id, all_asked) for bot_id, all_asked in by_bot.items()]
        self._together.update(taken)
        return taken

    def _bring(self, together: _Together, done: Future[list[Answer]]) -> None:
        """In a thread: bring what came of it to the loop."""
        with suppress(RuntimeError):  # the loop is closed, and nobody waits any more
            self.loop.call_soon_threadsafe(together.done_elsewhere, done)

    def _lose_patience(self) -> None:
        """Tell those whose time is out. One timer goes on as long as anything is waited for."""
        now, oldest = self.loop.time(), None
        for asked in self._all_asked():
            if asked.answer.done():
                continue
            if asked.since + self._patience_seconds <= now:
                asked.answer.set_exception(too_slow(begun=False))
            else:
                oldest = asked.since if oldest is None else min(oldest, asked.since)
        self._timed = oldest is not None
        if oldest is not None:
            self.loop.call_at(oldest + self._patience_seconds, self._lose_patience)

    def _all_asked(self) -> Iterator[_Asked]:
        yield from self._waiting
        for together in self._together:
            yield from together.asked


class _Together:
    """One bot's questions that are asked together: a part of a way."""

    def __init__(self, reader: Reader, bot_id: str, asked: list[_Asked]) -> None:
        self.bot_id = bot_id
        self.asked = asked
        self.questions = [each.question for each in asked]
        self._reader = reader
        self._sought = lookup.sought(self.questions)
        self._started = time.perf_counter()

    @property
    def queries(self) -> list[Query]:
        return lookup.queries(self.bot_id, self._sought, self._reader.installation.clock.now())

    def answered(self, rows: list[list[Row]]) -> None:
        try:
            answers = lookup.answered(self.questions, self._sought, rows)
        except Exception as fault:  # noqa: BLE001 (it is handed to whoever waits)
            self.failed(fault)
            return
        if answers is None:
            self._reader.elsewhere(self, lookup.computed)
        else:
            self._tell(answers)

    def failed(self, fault: BaseException) -> None:
        if isinstance(fault, Refusal) or len(self.asked) == 1:
            for each in self.asked:
                if not each.answer.done():
                    each.answer.set_exception(fault)
            self._reader.over(self)
            return
        # One question is at fault, and its neighbours are not to suffer for it.
        self._reader.apart(self)

    def done_elsewhere(self, done: Future[list[Answer]]) -> None:
        """What came of it in a thread."""
        fault = done.exception()
        if fault is None:
            self._tell(done.result())
        else:
            self.failed(fault)
        self._reader.go_on()

    def tell_watches(self) -> None:
        seconds = time.perf_counter() - self._started
        weight, senders = sum(each.weight for each in self.asked), [each.sender for each in self.asked]
        for watch in self._reader.watches:
            watch.done(weight, seconds, senders)

    def _tell(self, answers: Sequence[Answer]) -> None:
        for each, answer in zip(self.asked, answers, strict=True):
            if not each.answer.done():
                each.answer.set_result(answer)
        self._reader.over(self)
