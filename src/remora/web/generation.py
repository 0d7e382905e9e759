"""A generation: workers, and the writer that carries out their orders.

All are of one installed version, so that they understand each other. Where workers are renewed because another version
was installed, the next ones get a writer of their own, and those before keep theirs as long as they live.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from msgspec import Struct

from remora.web import observe
from remora.web.place import Patience, Place
from remora.web.process import Process


class Commands(Struct, frozen=True):
    """How a worker and the writer are started. To a worker's are added where its writer listens and, as to the
    writer's, the two descriptors that a `Process` hands over.
    """

    worker: tuple[str, ...]
    writer: tuple[str, ...]


class Generation:
    """Its writer listens at `path`. OSError if none can be had. `workers` are its processes that live. It has to be
    kept (see `keep`), and ended.
    """

    def __init__(
        self,
        path: Path,
        commands: Commands,
        listener: socket.socket,
        environment: Mapping[str, str],
        patience: Patience,
    ) -> None:
        self._path = path
        self._commands = commands
        self._listener = listener
        self._environment = environment
        self._patience = patience
        self.workers: set[Process] = set()
        # Held here, so that who connects while the writer is replaced waits for the next.
        self._orders = socket.socket(socket.AF_UNIX)
        try:
            self._orders.bind(str(path))
            self._orders.listen()
            self._writer = Place(partial(Process, "writer", commands.writer, self._orders, environment), patience)
        except OSError:
            self._orders.close()
            raise

    async def ready(self) -> bool:
        """Wait until the writer takes orders; False if it ends before."""
        return await asyncio.shield(self._writer.process.ready)

    def tell(self) -> None:
        """Say in the log that the writer was started. (Nothing is said before the URL, which scripts read first.)"""
        observe.log.info("writer started", pid=self._writer.process.pid)

    async def keep(self) -> None:
        """Replace the writer whenever it dies, until cancelled or ended."""
        await self._writer.keep()

    def start_worker(self) -> Process:
        command = (*self._commands.worker, str(self._path))
        process = Process("worker", command, self._listener, self._environment)
        self.workers.add(process)
        process.life.add_done_callback(lambda _: self.workers.discard(process))
        return process

    def hasten(self) -> None:
        """Have its workers wait no longer for answers that are under way."""
        for each in self.workers:
            each.hasten()

    async def end(self) -> bool:
        """Let the workers finish what they have begun, and then the writer. Whether all ended well."""
        seconds = self._patience.stop_seconds
        ended_well = await asyncio.gather(*(each.end(seconds) for each in self.workers))
        ended_well.append(await self._writer.leave())
        self._orders.close()
        self._path.unlink(missing_ok=True)
        return all(ended_well)
