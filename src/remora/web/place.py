"""A place that is to be filled by a process: who dies in it is replaced, soon, or later if it comes too often."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from msgspec import Struct

from remora.web import observe, server
from remora.web.process import Process


class Patience(Struct, frozen=True):
    """How long the supervisor waits. `stop_seconds` for a worker to end; a worker that dies before it has lived for
    `steady_seconds` dies quickly, and pauses begin with the second such death in a row.
    """

    stop_seconds: float = server.GRACE_SECONDS + 5
    steady_seconds: float = 60
    first_pause_seconds: float = 0.5
    longest_pause_seconds: float = 30

    def pause_seconds(self, quick_deaths: int, chance: float) -> float:
        """How long to wait before the next start. Twice as long each time; `chance` (0 to 1) takes off up to half, so
        that workers who died together do not come back together.
        """
        if quick_deaths < 2:  # noqa: PLR2004 (the first death is an accident)
            return 0
        doubled = self.first_pause_seconds * 2.0 ** min(quick_deaths - 2, 100)  # more doublings make it no longer
        return min(doubled, self.longest_pause_seconds) * (1 - chance / 2)


PATIENCE = Patience()


class Place:
    """One of the places that are to be filled, and the process that fills it. OSError if none can be started."""

    def __init__(self, start: Callable[[], Process], patience: Patience) -> None:
        self._start = start
        self._patience = patience
        self._quick_deaths = 0
        self._left = False
        self.process = start()

    async def keep(self) -> None:
        """Replace the process whenever it dies, until cancelled or left."""
        while not self._left:
            process = self.process
            await asyncio.wait({process.life})
            if self.process is process:  # else it was renewed, and ended because of that
                await self._replace(process)

    async def leave(self) -> bool:
        """Let the process finish what it has begun, and put none in its place. Whether it ended well."""
        self._left = True
        return self.process.life.done() or await self.process.end(self._patience.stop_seconds)

    async def _replace(self, dead: Process) -> None:
        self._quick_deaths = self._quick_deaths + 1 if dead.lived_seconds < self._patience.steady_seconds else 0
        while self.process is dead and not self._left:
            pause = self._patience.pause_seconds(self._quick_deaths, random.random())  # noqa: S311 (no secret)
            seconds = round(pause, 3)
            observe.log.warning(f"{dead.role} ended", pid=dead.pid, status=dead.status, replaced_in_seconds=seconds)
            await asyncio.sleep(pause)
            if self.process is dead and not self._left:  # else it was renewed meanwhile
                self.process = self._start_another() or dead
                self._quick_deaths += self.process is dead

    async def renew(self) -> bool:
        """Put a new process in place of the old one, which ends once the new one takes connections. False, and no
        change, if it does not come to that.
        """
        successor = self._start_another()
        if successor is None or not await asyncio.shield(successor.ready):
            return False
        old, self.process = self.process, successor
        await old.end(self._patience.stop_seconds)
        return True

    def _start_another(self) -> Process | None:
        try:
            process = self._start()
        except OSError as problem:
            observe.log.error(f"{self.process.role} not started", reason=problem.strerror)
            return None
        observe.log.info(f"{process.role} started", pid=process.pid)
        return process
