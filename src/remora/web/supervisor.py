"""The supervisor: it starts several workers on one port, replaces the one that dies, and ends them all."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from remora.web import observe, server, tally
from remora.web.process import Process

# Without -P the folder one happens to be in would come before the installed packages.
WORKER = (sys.executable, "-P", "-m", "remora.web.worker")


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


def supervise(
    listener: socket.socket,
    workers: int,
    announce: Callable[[str], None],
    *,
    command: Sequence[str] = WORKER,
    patience: Patience = PATIENCE,
) -> int:
    """Serve with so many workers until SIGINT or SIGTERM, then have them finish what was begun; the status to end with.

    `announce` is given the base URL once all of them take connections. If one dies before, none is left running, and
    the status is 1. SIGHUP replaces the workers one by one.
    """
    observe.configure_logging()
    with tally.shared() as variables:
        crew = Supervisor(listener, workers, command, {**os.environ, **variables}, patience)
        return asyncio.run(crew.run(announce))


class Supervisor:
    """So many places, and whatever processes live: one in each place, and those that come or go."""

    def __init__(
        self,
        listener: socket.socket,
        workers: int,
        command: Sequence[str],
        environment: Mapping[str, str],
        patience: Patience,
    ) -> None:
        self._listener = listener
        self._workers = workers
        self._command = command
        self._environment = environment
        self._patience = patience
        self._living: set[Process] = set()
        self._stopping = asyncio.Event()
        self._renewing = asyncio.Event()

    async def run(self, announce: Callable[[str], None]) -> int:
        """Serve until a signal says to stop; the status to end with."""
        self._hear_signals()
        stop = asyncio.create_task(self._stopping.wait())
        work = asyncio.create_task(self._work(announce))
        await asyncio.wait({stop, work}, return_when=asyncio.FIRST_COMPLETED)
        failed = work.done() and not stop.done()
        for each in (stop, work):
            each.cancel()
        await asyncio.wait({stop, work})
        self._listener.close()
        ended_well = await asyncio.gather(*(each.end(self._patience.stop_seconds) for each in self._living))
        if failed:
            work.result()  # raises what is a fault of ours
        return 0 if all(ended_well) and not failed else 1

    def _hear_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(each, self._stop)
        # With a terminal SIGHUP says that it was closed, and then nobody is left to stop what goes on.
        loop.add_signal_handler(signal.SIGHUP, self._stop if sys.stderr.isatty() else self._renewing.set)

    def _stop(self) -> None:
        """The first time: stop. From the second on: make haste."""
        if self._stopping.is_set():
            for each in self._living:
                each.hasten()
        self._stopping.set()

    async def _work(self, announce: Callable[[str], None]) -> None:
        """Keep the places filled until cancelled. Comes back only if the first workers cannot be had."""
        try:
            places = [Place(self._start, self._patience) for _ in range(self._workers)]
        except OSError as problem:
            observe.log.error("worker not started", reason=problem.strerror)
            return
        for ready in asyncio.as_completed([place.process.ready for place in places]):
            if not await ready:
                observe.log.error("a worker ended before it took connections, so the start is given up")
                return
        announce(server.base_url(self._listener))
        for place in places:
            observe.log.info("worker started", pid=place.process.pid)
        async with asyncio.TaskGroup() as group:
            for place in places:
                group.create_task(place.keep())
            group.create_task(self._renew_when_asked(places))

    async def _renew_when_asked(self, places: Sequence[Place]) -> None:
        while True:
            await self._renewing.wait()
            self._renewing.clear()
            for place in places:
                if not await place.renew():
                    observe.log.error("a new worker did not come to take connections, so the old ones stay")
                    break

    def _start(self) -> Process:
        process = Process(self._command, self._listener, self._environment)
        self._living.add(process)
        process.life.add_done_callback(lambda _: self._living.discard(process))
        return process


class Place:
    """One of the places that are to be filled, and the process that fills it."""

    def __init__(self, start: Callable[[], Process], patience: Patience) -> None:
        self._start = start
        self._patience = patience
        self._quick_deaths = 0
        self.process = start()

    async def keep(self) -> None:
        """Replace the process whenever it dies, until cancelled."""
        while True:
            process = self.process
            await asyncio.wait({process.life})
            if self.process is process:  # else it was renewed, and ended because of that
                await self._replace(process)

    async def _replace(self, dead: Process) -> None:
        self._quick_deaths = self._quick_deaths + 1 if dead.lived_seconds < self._patience.steady_seconds else 0
        while self.process is dead:
            pause = self._patience.pause_seconds(self._quick_deaths, random.random())  # noqa: S311 (no secret)
            observe.log.warning("worker ended", pid=dead.pid, status=dead.status, replaced_in_seconds=round(pause, 3))
            await asyncio.sleep(pause)
            if self.process is dead:  # else it was renewed meanwhile
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
            observe.log.error("worker not started", reason=problem.strerror)
            return None
        observe.log.info("worker started", pid=process.pid)
        return process
