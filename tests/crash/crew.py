"""The supervisor as a process of its own, with its workers and their writer, seen from outside."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from remora.web import server
from remora.web.generation import Commands
from remora.web.place import PATIENCE, Patience
from remora.web.supervisor import COMMANDS, supervise
from tests.crash.watched import BEGUN, BROKEN, GATE

ROOT = Path(__file__).parent.parent.parent
WATCHED = Commands(
    worker=(sys.executable, "-m", "tests.crash.watched"), writer=(sys.executable, "-m", "tests.crash.stand_in")
)
REAL = COMMANDS
SECONDS = 30
"""How long a test waits for what has to come, before it fails."""


class Crew:
    """A supervisor and its workers, which are watched by what they leave in the folder."""

    def __init__(
        self,
        folder: Path,
        workers: int,
        *,
        patience: Patience = PATIENCE,
        commands: Commands = WATCHED,
        at_start: str | None = None,
        stderr: int = subprocess.PIPE,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.folder = folder
        if at_start:
            (folder / at_start).touch()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("REMORA_")}
        told = Told(workers, patience, commands)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.crew", msgspec.json.encode(told)],
            cwd=ROOT,
            env={**inherited, **variables, "WATCHED_FOLDER": str(folder)},
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            # Ctrl-C signals a whole group, and this one is not to be the tests' own.
            start_new_session=True,
        )
        self.log: list[str] = []
        # The log is read all the time: a pipe that is full would stop the workers.
        self._reader = threading.Thread(target=self.log.extend, args=(self.process.stderr or (),))
        self._reader.start()

    @cached_property
    def port(self) -> int:
        """The port, once it is announced; 0 if the supervisor ended without having announced one."""
        assert self.process.stdout is not None
        return int(self.process.stdout.readline().rpartition(":")[2] or 0)

    def call(self, kind: str, name: object) -> int:
        """Call a worker by a connection of its own; the pid of the one that answers."""
        connection = self.connect()
        try:
            return self.call_by(connection, kind, name)
        finally:
            connection.close()

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)

    def call_by(self, connection: http.client.HTTPConnection, kind: str, name: object) -> int:
        connection.request("GET", f"/{kind}/{name}")
        response = connection.getresponse()
        content = response.read()
        assert response.status == 200
        return int(content)

    def begun(self) -> list[str]:
        """The names with which workers were called, in the order in which they began to answer."""
        path = self.folder / BEGUN
        return path.read_text().splitlines() if path.exists() else []

    def let_go(self) -> None:
        """Let the answers go that are held back."""
        (self.folder / GATE).touch()

    def break_workers(self) -> None:
        """From now on a worker that is started fails."""
        (self.folder / BROKEN).touch()

    def mend_workers(self) -> None:
        (self.folder / BROKEN).unlink()

    def send(self, which: signal.Signals) -> None:
        os.kill(self.process.pid, which)

    def send_to_group(self, which: signal.Signals) -> None:
        """As a terminal does."""
        os.killpg(self.process.pid, which)

    def lines(self, event: str) -> list[dict[str, Any]]:
        """What was logged with this event so far."""
        lines = [json.loads(line) for line in tuple(self.log)]
        return [line for line in lines if line["event"] == event]

    def ended(self, seconds: float = SECONDS) -> int:
        """Wait for the end of the supervisor and of all its workers; its status."""
        status = self.process.wait(seconds)
        # Each of them holds the other side of this pipe until it ends.
        self._reader.join(seconds)
        assert not self._reader.is_alive(), "a worker has outlived its supervisor"
        return status

    def end(self) -> None:
        """Kill all that still runs, and let go of it."""
        with suppress(ProcessLookupError):
            self.send_to_group(signal.SIGKILL)
        self.ended()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


StartCrew = Callable[..., Crew]
"""Starts one in the test's folder, with so many workers."""


class Told(msgspec.Struct):
    """What the process is to do."""

    workers: int
    patience: Patience
    commands: Commands


def main() -> None:
    told = msgspec.json.decode(sys.argv[1], type=Told)
    listener = server.listen("127.0.0.1", 0)

    def announce(url: str) -> None:
        print(url, flush=True)  # noqa: T201 (the test reads it)

    sys.exit(supervise(listener, told.workers, announce, commands=told.commands, patience=told.patience))


if __name__ == "__main__":
    main()
