"""The writer's engine, as a worker reaches it: it is in another process, at the other end of a socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from pathlib import Path

from remora.engine import Reply
from remora.errors import StoreUnavailable, revive
from remora.service.desk import Result
from remora.service.orders import Job
from remora.web import wire
from remora.web.wire import Answer, Frames, Letter

MOST_UNSENT_BYTES = 16 * 1024 * 1024
"""A writer that hangs is sent no more than that."""

LOST = "the writer has ended; whether it was done is not known: send the same again, with its key"


class WriterFailed(Exception):
    """A fault of ours in the writer, whose log tells of it."""


class Link:
    """A queue (see `Engine`) whose items are carried out by the writer. It belongs to the running event loop.

    A connection that is lost is made again with the next item; where one item's answer is lost, whoever waits for it is
    told that it is not known what became of it.
    """

    def __init__(self, path: Path, patience_seconds: float) -> None:
        """The writer listens at `path`. It is not to begin with what has waited longer than the patience."""
        self._path = path
        self._patience_seconds = patience_seconds
        self._connection: _Connection | None = None

    def queue(self, bot_id: str, item: Job, reply: Reply[Result], sender: object = None, *, wake: bool = True) -> None:
        if self._connection is None or not self._connection.lasts():
            self._connection = _Connection(self._path)
        self._connection.add(bot_id, item, reply, self._patience_seconds, sender)
        if wake:
            self._connection.flush()

    def wake(self) -> None:
        if self._connection is not None:
            self._connection.flush()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.lose()


class _Connection:
    """One connection to the writer, and those who wait for its answers, by the numbers of their letters."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            # It waits for nothing: the supervisor listens there, though there be no writer at the moment.
            self._socket.connect(str(path))
        except OSError as problem:
            self._socket.close()
            raise StoreUnavailable("the writer cannot be reached; nothing was done") from problem
        self._socket.settimeout(0)  # the event loop waits, not the socket
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._receive)
        self._waiting: dict[int, Reply[Result]] = {}
        self._number = 0
        self._letters: list[Letter] = []
        self._unsent = b""
        self._frames = Frames()
        self._lost = False

    def lasts(self) -> bool:
        return not self._lost and self._loop.is_running()

    def add(self, bot_id: str, job: Job, reply: Reply[Result], patience_seconds: float, sender: object) -> None:
        """Write a letter, to be sent with the next `flush`."""
        if len(self._unsent) > MOST_UNSENT_BYTES:
            raise StoreUnavailable("too much is waiting for the writer; nothing was done")
        self._number += 1
        told = sender if isinstance(sender, str) else None
        self._letters.append(Letter(self._number, bot_id, self._loop.time() + patience_seconds, job, told))
        self._waiting[self._number] = reply
        # From here on nobody can say any more that it was not begun.
        reply.set_running_or_notify_cancel()

    def flush(self) -> None:
        """Send the letters that were written."""
        if self._letters:
            letters, self._letters = self._letters, []
            self._send(wire.frame(letters))

    def lose(self) -> None:
        """Let go of it, and tell those who wait."""
        if self._lost:
            return
        self._lost = True
        if not self._loop.is_closed():
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
        self._socket.close()
        _tell(self._waiting.values())

    def _send(self, data: bytes) -> None:
        if self._unsent:
            self._unsent += data
            return
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.lose()
            return
        if sent < len(data):
            self._unsent = data[sent:]
            self._loop.add_writer(self._socket, self._go_on)

    def _go_on(self) -> None:
        """Send more of what there was no room for."""
        self._loop.remove_writer(self._socket)
        data, self._unsent = self._unsent, b""
        self._send(data)

    def _receive(self) -> None:
        try:
            data = self._socket.recv(wire.CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.lose()
            return
        for content in self._frames.whole(data):
            for answer in wire.answers(content):
                _hand_over(answer, self._waiting.pop(answer.number))


def _hand_over(answer: Answer, reply: Reply[Result]) -> None:
    if answer.outcomes is not None:
        reply.set_result(answer.outcomes)
    elif (kept := answer.refusal) is not None:
        reply.set_exception(revive(kept.code, kept.message, kept.available, kept.shortfall))
    else:
        reply.set_exception(WriterFailed("the writer's log tells of the fault"))


def _tell(waiting: Iterable[Reply[Result]]) -> None:
    for reply in waiting:
        reply.set_exception(StoreUnavailable(LOST))
