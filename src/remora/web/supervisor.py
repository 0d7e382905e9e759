"""The supervisor: it starts several workers on one port, replaces the one that dies, and ends them all."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from remora.web import observe, server, tally
from remora.web.generation import Commands, Generation
from remora.web.place import Patience, Place
from remora.web.process import Process

# Without -P the folder one happens to be in would come before the installed packages.
COMMANDS = Commands(
    worker=(sys.executable, "-P", "-m", "remora.web.worker"), writer=(sys.executable, "-P", "-m", "remora.web.writer")
)
PATIENCE = Patience()


def supervise(
    listener: socket.socket,
    workers: int,
    announce: Callable[[str], None],
    *,
    commands: Commands = COMMANDS,
    patience: Patience = PATIENCE,
) -> int:
    """Serve with so many workers until SIGINT or SIGTERM, then have them finish what was begun; the status to end with.

    `announce` is given the base URL once all of them take connections. If one dies before, none is left running, and
    the status is 1. SIGHUP replaces the workers one by one, and their writer.
    """
    observe.configure_logging()
    try:
        # Nobody else can reach what is in it: it is its owner's only.
        folder = TemporaryDirectory(prefix="remora-run-", ignore_cleanup_errors=True)
    except OSError as problem:
        observe.log.error("writer not started", reason=f"no temporary folder: {problem.strerror}")
        return 1
    with folder as path, tally.shared() as variables:
        crew = Supervisor(Path(path), listener, workers, commands, {**os.environ, **variables}, patience)
        return asyncio.run(crew.run(announce))


class Supervisor:
    """So many places for workers, and whatever generations live: the one that fills them, and those that go."""

    def __init__(
        self,
        folder: Path,
        listener: socket.socket,
        workers: int,
        commands: Commands,
        environment: Mapping[str, str],
        patience: Patience,
    ) -> None:
        self._paths = (folder / f"writer-{number}" for number in itertools.count(1))
        self._listener = listener
        self._workers = workers
        self._commands = commands
        self._environment = environment
        self._patience = patience
        self._generations: list[Generation] = []  # the newest last
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
        ended_well = await asyncio.gather(*(each.end() for each in self._generations))
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
            for each in self._generations:
                each.hasten()
        self._stopping.set()

    async def _work(self, announce: Callable[[str], None]) -> None:
        """Keep the places filled until cancelled. Comes back only if the first writer or workers cannot be had."""
        first = await self._begin_generation()
        if first is None:
            return
        try:
            places = [Place(self._start_worker, self._patience) for _ in range(self._workers)]
        except OSError as problem:
            observe.log.error("worker not started", reason=problem.strerror)
            return
        for ready in asyncio.as_completed([place.process.ready for place in places]):
            if not await ready:
                observe.log.error("a worker ended before it took connections, so the start is given up")
                return
        announce(server.base_url(self._listener))
        first.tell()
        for place in places:
            observe.log.info("worker started", pid=place.process.pid)
        async with asyncio.TaskGroup() as group:
            group.create_task(first.keep())
            for place in places:
                group.create_task(place.keep())
            group.create_task(self._renew_when_asked(places, group))

    async def _begin_generation(self) -> Generation | None:
        """Start a writer, and wait until it takes orders. From then on its generation is the one that workers are
        started in. None if it does not come to that.
        """
        path = next(self._paths)
        try:
            generation = Generation(path, self._commands, self._listener, self._environment, self._patience)
        except OSError as problem:
            # A path that is too long for a socket has no number of the system's, and so no text.
            reason = problem.strerror or f"{problem} (107 bytes at most): {path}, a folder in TMPDIR"
            observe.log.error("writer not started", reason=reason)
            return None
        self._generations.append(generation)
        if await generation.ready():
            return generation
        observe.log.error("the writer ended before it took orders")
        await self._end_generation(generation)
        return None

    async def _end_generation(self, generation: Generation) -> None:
        await generation.end()
        self._generations.remove(generation)

    async def _renew_when_asked(self, places: Sequence[Place], group: asyncio.TaskGroup) -> None:
        while True:
            await self._renewing.wait()
            self._renewing.clear()
            generation = await self._begin_generation()
            if generation is not None:
                generation.tell()
                group.create_task(generation.keep())
                await self._renew(places)

    async def _renew(self, places: Sequence[Place]) -> None:
        """Put new workers in the places of the old, one by one; generations end when they have none left."""
        for place in places:
            if not await place.renew():
                observe.log.error("a new worker did not come to take connections, so the old ones stay")
                break
        for each in self._generations[:-1]:
            if not each.workers:
                await self._end_generation(each)

    def _start_worker(self) -> Process:
        return self._generations[-1].start_worker()
