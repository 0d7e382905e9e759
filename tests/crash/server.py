"""`remora serve` as a process that may be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping

import httpx

from tests.cast import Api
from tests.shell import REMORA


class Server:
    """The process, a client that calls it, and what it logged."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [REMORA, "serve", "--port", "0"],
            env=environment,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stderr is not None
        said = self.process.stderr.readline()
        assert said.startswith("serving "), said + self.process.stderr.read()
        self.url = said.split()[1].removesuffix("/api")
        self.http = httpx.Client(base_url=self.url, timeout=30)
        self.api = Api(self.http)
        self.log: list[str] = []
        # The log is read all the time: a pipe that is full would stop the server.
        self._reader = threading.Thread(target=self.log.extend, args=(self.process.stderr,))
        self._reader.start()

    def signal(self, which: signal.Signals) -> None:
        os.kill(self.process.pid, which)

    def ended(self) -> int:
        """Wait for the end; its status."""
        status = self.process.wait(timeout=30)
        self._reader.join()
        return status

    def end(self) -> None:
        """Kill it, if it still runs, and let go of it."""
        self.process.kill()
        self.ended()
        self.http.close()
        assert self.process.stderr is not None
        self.process.stderr.close()


Start = Callable[..., Server]
