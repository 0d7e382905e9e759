"""The way to a store that is far away and back, in the event loop: what is asked together on a connection whose socket
the loop watches, so that no thread waits.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future
from typing import Protocol

from remora.storage.database import Line, Query, Row
from remora.web.mailbox import too_slow

STALLED = 2
"""A way is given up after so many times what one wait for the database may last: whatever the server has to tell of
itself, it has told by then.
"""

KEPT_SECONDS = 600.0
"""After so long a connection is given back for another, so that the pool may replace those that are old."""


class Part(Protocol):
    """What is asked in one transaction, and told what came of it: once, and without a fault of its own."""

    @property
    def queries(self) -> Sequence[Query]: ...

    def answered(self, rows: list[list[Row]]) -> None: ...

    def failed(self, fault: Exception) -> None: ...


class Way:
    """One for an event loop, in which all of it is called. What is asked on a connection that turns out to be dead, as
    all are once the server was started anew, is asked again on another.
    """

    def __init__(
        self,
        loop: AbstractEventLoop,
        opener: Executor,
        open_line: Callable[[], Line],
        timeout_seconds: float,
        ended: Callable[[], None],
    ) -> None:
        """`open_line` is called in the opener's thread, for it waits. All is answered when it has `ended`."""
        self._loop = loop
        self._opener = opener
        self._open_line = open_line
        self._timeout_seconds = timeout_seconds
        self._ended = ended
        self._parts: deque[Part] = deque()
        self._line: Line | None = None
        self._line_until = 0.0
        self._writing = False
        self._departed = 0.0
        self._again_until = 0.0
        self._timed = False

    def is_used(self) -> bool:
        return bool(self._parts)

    def begin(self, parts: Iterable[Part]) -> None:
        """Ask for these, while nothing is asked: they are told what came of it in a bounded time."""
        self._parts.extend(parts)
        self._departed = self._loop.time()
        self._again_until = self._departed + self._timeout_seconds
        if not self._timed:
            self._timed = True
            self._loop.call_later(STALLED * self._timeout_seconds, self._look)
        if self._line is not None and self._departed > self._line_until:
            self._hang_up()
        self._send()

    def close(self) -> None:
        """Let go of the connection, in the loop or when that has ended."""
        if not self._loop.is_closed():
            self._hang_up()
        elif self._line is not None:
            self._line.close()

    def _send(self) -> None:
        line = self._line
        if line is None:
            self._opener.submit(self._open_line).add_done_callback(self._bring)
            return
        for part in self._parts:
            try:
                line.ask(*part.queries)
            except Exception as fault:  # noqa: BLE001 (it is handed to whoever asks)
                self._broken(fault, part)
                return
        self._flush()

    def _flush(self) -> None:
        """Send what the network takes now, and the rest when it takes more."""
        assert self._line is not None
        try:
            all_sent = self._line.flush()
        except Exception as fault:  # noqa: BLE001 (as above)
            self._broken(fault)
            return
        if all_sent and self._writing:
            self._loop.remove_writer(self._line.fileno)
        elif not all_sent and not self._writing:
            self._loop.add_writer(self._line.fileno, self._flush)
        self._writing = not all_sent

    def _read(self) -> None:
        """Take what has come, which is nothing but the end where nobody asks."""
        line = self._line
        assert line is not None
        try:
            line.read()
            while self._parts and (rows := line.answers()) is not None:
                self._parts.popleft().answered(rows)
        except Exception as fault:  # noqa: BLE001 (as above)
            self._broken(fault)
            return
        if not self._parts:
            self._ended()

    def _broken(self, fault: Exception, at_fault: Part | None = None) -> None:
        """Go on with another connection; without the part that was at fault, unless it was the connection."""
        assert self._line is not None
        lost = self._line.is_lost()
        self._hang_up()
        if not self._parts:
            return
        if not lost:
            part = at_fault or self._parts[0]
            self._parts.remove(part)
            part.failed(fault)
        elif self._loop.time() > self._again_until:
            self._give_up(fault)
            return
        if self._parts:
            self._departed = self._loop.time()
            self._send()
        else:
            self._ended()

    def _give_up(self, fault: Exception) -> None:
        parts, self._parts = self._parts, deque()
        for part in parts:
            part.failed(fault)
        self._ended()

    def _look(self) -> None:
        """Give up a way that takes too long. One timer goes on as long as there are any."""
        left = self._departed + STALLED * self._timeout_seconds - self._loop.time()
        if left <= 0 and self._line is not None and self._parts:
            self._hang_up()
            self._give_up(too_slow(begun=False))
        self._timed = bool(self._parts)
        if self._timed:
            self._loop.call_later(left if left > 0 else self._timeout_seconds, self._look)

    def _bring(self, opened: Future[Line]) -> None:
        """In the opener's thread: bring the connection to the loop."""
        try:
            self._loop.call_soon_threadsafe(self._opened, opened)
        except RuntimeError:  # the loop is closed, and nobody waits any more
            if opened.exception() is None:
                opened.result().close()

    def _opened(self, opened: Future[Line]) -> None:
        try:
            self._line = opened.result()
        except Exception as fault:  # noqa: BLE001 (as above)
            self._give_up(fault)
            return
        self._line_until = self._loop.time() + KEPT_SECONDS
        self._departed = self._loop.time()
        self._loop.add_reader(self._line.fileno, self._read)
        self._send()

    def _hang_up(self) -> None:
        """Let go of the connection; its socket is not watched any more when it is closed."""
        line, self._line = self._line, None
        if line is None:
            return
        self._loop.remove_reader(line.fileno)
        if self._writing:
            self._writing = False
            self._loop.remove_writer(line.fileno)
        line.close()
