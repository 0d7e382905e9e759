"""A worker: one of several processes that serve a port together, started by their supervisor.

A socket joins the two, the lifeline: on it the worker says that it takes connections, and the supervisor that it is to
stop. It closes with whoever dies, so that neither outlives the other unnoticed.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from remora import settings
from remora.clock import SystemClock
from remora.errors import Refusal
from remora.service.installation import Installation, open_installation
from remora.settings import Settings, SettingsError
from remora.web import observe, server
from remora.web.app import Application
from remora.web.door import Door
from remora.web.run import Run

READY, STOP, HASTEN = b"r", b"s", b"h"

PARTING_SECONDS = 0.5
"""How long connections are still read from after the last was taken."""
LAST_SECONDS = server.GRACE_SECONDS + 5
"""A worker whose supervisor is gone ends within this time, even if it hangs."""


class Server(uvicorn.Server):
    """Tells when it takes connections, stops when it is told to, and stops without breaking a connection in use."""

    def __init__(self, config: uvicorn.Config, lifeline: socket.socket, last_seconds: float) -> None:
        super().__init__(config)
        self._lifeline = lifeline
        self._last_seconds = last_seconds

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to take connections, and say so."""
        await super().startup([])
        loop = asyncio.get_running_loop()
        # To uvicorn each is a server, of which it uses what a door has.
        self.servers = [Door(loop, each, self._protocol) for each in sockets or ()]  # type: ignore[misc]
        threading.Thread(target=self._heed, name="remora-lifeline", daemon=True).start()
        with suppress(OSError):  # a supervisor that is gone is noticed by the thread
            self._lifeline.send(READY)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, and finish what was begun.

        Those in use are told with their next answer that it is the last. Closing them at once, which is what uvicorn
        would do, breaks the requests that are on their way; and others go on serving, so nobody expects that.
        """
        for each in self.servers:
            each.close()
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        await asyncio.sleep(PARTING_SECONDS)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 (uvicorn's signature)
        """Stop on SIGTERM, and end with status 0: uvicorn would raise the signal again."""
        self.should_exit = True

    def _protocol(self) -> asyncio.Protocol:
        """What serves a connection, made as uvicorn makes it for a listener of its own."""
        config = self.config
        made: asyncio.Protocol = config.http_protocol_class(  # type: ignore[call-arg]  # as uvicorn does
            config=config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    def _heed(self) -> None:
        with suppress(OSError):
            while word := self._lifeline.recv(1):
                self.should_exit = True
                self.force_exit = self.force_exit or word == HASTEN
        # The supervisor is gone, and nobody else is there to end a process that hangs.
        self.should_exit = True
        time.sleep(self._last_seconds)
        os._exit(1)


def serve(application: ASGIApp, read: Settings, last_seconds: float = LAST_SECONDS) -> None:
    """Serve until told to stop, or until the supervisor is gone; then finish what was begun.

    The supervisor ends the command line with two inherited descriptors: the listener's and the lifeline's.
    """
    server.attune()
    listener, lifeline = (socket.socket(fileno=int(word)) for word in sys.argv[-2:])
    Server(server.config(application, read), lifeline, last_seconds).run(sockets=[listener])


def opened(role: str) -> tuple[Settings, Installation]:
    """The installation that the environment names. Where it is refused, log why, and end with status 1."""
    try:
        read = settings.load()
        return read, open_installation(read, SystemClock(), serving=True)
    except (Refusal, SettingsError) as problem:
        observe.log.error(f"{role} refused", pid=os.getpid(), reason=str(problem))
        sys.exit(1)


def main() -> None:
    """Serve with the writer that listens at the path given."""
    observe.configure_logging()
    read, installation = opened("worker")
    writer = Path(sys.argv[1])
    run = Run(writer, limits=writer.with_name("limits"))
    with closing(installation), closing(Application(installation, read, run=run)) as application:
        serve(application, read)


if __name__ == "__main__":
    main()
