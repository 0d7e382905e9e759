"""The door of a worker: takes connections from the listener that it shares with others, each worker in its turn.

A thread waits in `accept`. The system keeps those who wait there in a line: a connection wakes the first of them only,
who stands at the end when it comes back. So connections are dealt out evenly, also a few that are opened at once and
kept, and a worker that is busy comes back later. Event loops that watch a listener are all woken instead, and the first
to run takes whatever is there. docs/decisions/0015 has the figures.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from asyncio import AbstractEventLoop
from collections.abc import Callable

from remora.web import observe

IN_TOGETHER = 3
"""So many connections may be on their way to the loop. With fewer the thread and the loop wait for each other where
each call has a connection of its own; with many more a worker takes all that come before the others have woken up.
"""

LOOK_MICROSECONDS = 200_000
"""How often a thread that waits looks whether the door was closed; and how long a connection waits at most that woke a
worker who does not come, for it was stopped or killed.
"""

FULL_SECONDS = 1.0
"""Before it is tried again where the system has no descriptor or no memory for one more."""


class Door:
    """Of one event loop, open until it is closed. `protocol` makes what serves a connection."""

    def __init__(
        self, loop: AbstractEventLoop, listener: socket.socket, protocol: Callable[[], asyncio.BaseProtocol]
    ) -> None:
        self._loop = loop
        self._listener = listener
        self._protocol = protocol
        self._room = threading.Semaphore(IN_TOGETHER)
        self._coming_in: set[asyncio.Task[object]] = set()
        self._closing = False
        # These are the listener's, and so hold for all who share it.
        listener.settimeout(None)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, LOOK_MICROSECONDS))
        self._thread = threading.Thread(target=self._take, name="remora-door", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more. One that is taken at this moment is served still."""
        self._closing = True

    async def wait_closed(self) -> None:
        """Wait until nobody can come in any more."""
        await asyncio.to_thread(self._thread.join)

    def _take(self) -> None:
        """In the thread: take connections until closed."""
        while not self._closing:
            if not self._room.acquire(timeout=LOOK_MICROSECONDS / 1_000_000):
                continue
            connection = self._next()
            if connection is None:
                self._room.release()
                continue
            try:
                self._loop.call_soon_threadsafe(self._let_in, connection)
            except RuntimeError:  # the loop is over
                connection.close()
                return

    def _next(self) -> socket.socket | None:
        """The next connection, or None if none came for some time."""
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return None
        except OSError as problem:
            if not self._closing:  # else the listener may be closed as well
                observe.log.error("connection not taken", reason=problem.strerror)
                time.sleep(FULL_SECONDS)
            return None
        connection.settimeout(0)  # the event loop waits, not the socket
        return connection

    def _let_in(self, connection: socket.socket) -> None:
        """In the loop: serve a connection."""
        coming_in = self._loop.create_task(self._loop.connect_accepted_socket(self._protocol, connection))
        self._coming_in.add(coming_in)
        coming_in.add_done_callback(self._is_in)

    def _is_in(self, coming_in: asyncio.Task[object]) -> None:
        self._coming_in.discard(coming_in)
        self._room.release()
