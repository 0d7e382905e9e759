"""`remora serve` as a process that may be killed, and so may the processes that it starts."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from signal import SIGKILL, Signals
from typing import Any

import httpx

from tests.cast import Api
from tests.shell import REMORA

SECONDS = 30
"""How long its end is waited for."""


class Server:
    """The process, a client that calls it, and what it logged."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [REMORA, "serve", "--port", "0"],
            env=environment,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            # A service manager signals a whole group, and this one is not to be the tests' own.
            start_new_session=True,
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

    def signal(self, which: Signals) -> None:
        os.kill(self.process.pid, which)

    def signal_group(self, which: Signals) -> None:
        os.killpg(self.process.pid, which)

    def lines(self, event: str) -> list[dict[str, Any]]:
        """What was logged with this event so far."""
        lines = [json.loads(line) for line in tuple(self.log)]
        return [line for line in lines if line["event"] == event]

    def pids(self, role: str) -> list[int]:
        """The workers or the writers, as far as it is logged that they were started."""
        return [line["pid"] for line in self.lines(f"{role} started")]

    def ended(self) -> int:
        """Wait for the end, its own and that of every process that it has started; its status."""
        status = self.process.wait(SECONDS)
        # Each of them holds the other side of this pipe until it ends.
        self._reader.join(SECONDS)
        assert not self._reader.is_alive(), "a process has outlived the server"
        return status

    def end(self) -> None:
        """Kill all that still runs, and let go of it."""
        with suppress(ProcessLookupError):
            self.signal_group(SIGKILL)
        self.ended()
        self.http.close()
        assert self.process.stderr is not None
        self.process.stderr.close()


Start = Callable[..., Server]
