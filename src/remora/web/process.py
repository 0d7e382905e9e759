"""The process of a worker, or of the writer, as the supervisor holds it."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from remora.web import observe
from remora.web.worker import HASTEN, STOP


class Process:
    """Started when it is made; OSError if that fails. `ready` tells whether it came to take connections; `life` is done
    when it has ended. `role` is what the log calls it.

    It runs the command with two more words: the descriptors of the listener and of its end of the lifeline.
    """

    def __init__(
        self, role: str, command: Sequence[str], listener: socket.socket, environment: Mapping[str, str]
    ) -> None:
        self.role = role
        self._lifeline, theirs = socket.socketpair()
        self._lifeline.settimeout(0)  # the event loop waits, not the socket
        handed = (listener.fileno(), theirs.fileno())
        try:
            with theirs, _deaf_to_the_terminal():
                self._process = subprocess.Popen(  # noqa: S603 (a command of ours)
                    [*command, *map(str, handed)], env=environment, pass_fds=handed, stdin=subprocess.DEVNULL
                )
        except OSError:
            self._lifeline.close()
            raise
        self.pid = self._process.pid
        self.lived_seconds = 0.0
        self._started = time.monotonic()
        self.ready: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.life = asyncio.create_task(self._live())

    @property
    def status(self) -> int | None:
        """What it ended with: below zero it is the signal that ended it. None while it lives."""
        return self._process.returncode

    async def end(self, stop_seconds: float) -> bool:
        """Let it finish what it has begun, but kill it if that takes too long. Whether it ended well."""
        self._say(STOP)
        await asyncio.wait({self.life}, timeout=stop_seconds)
        if not self.life.done():
            observe.log.error(f"{self.role} killed", pid=self.pid, after_seconds=stop_seconds)
            self._process.kill()
            await asyncio.wait({self.life})
            return False
        # One that took no connections yet had nothing to finish, so it may end as it likes.
        return self.status == 0 or not self.ready.result()

    def hasten(self) -> None:
        """Have it wait no longer for answers that are under way."""
        self._say(HASTEN)

    def _say(self, word: bytes) -> None:
        with suppress(OSError):  # it has ended
            self._lifeline.send(word)

    async def _live(self) -> None:
        with self._lifeline, suppress(OSError):  # where it ended with a word of ours unread
            while await asyncio.get_running_loop().sock_recv(self._lifeline, 1):
                if not self.ready.done():
                    self.ready.set_result(True)
        await asyncio.to_thread(self._process.wait)
        self.lived_seconds = time.monotonic() - self._started
        if not self.ready.done():
            self.ready.set_result(False)


@contextmanager
def _deaf_to_the_terminal() -> Iterator[None]:
    """A process that is started in this never hears Ctrl-C or the terminal's end, which go to the whole group: when it
    is to stop is its supervisor's to say. (What is blocked is inherited. The supervisor hears it a moment later.)
    """
    heard = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, heard)
