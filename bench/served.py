"""Starts a server, of one process or several, and waits until it answers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import httpx
import psutil
from msgspec import Struct
from tests.servers.port import HOST, Port

from bench.failure import Failed
from remora.settings import MAX_WORKERS

PATIENCE_SECONDS = 60
"""How long a server may take to start, and to stop."""

REMORA = (sys.executable, "-m", "remora", "serve", "--port")
"""The server as its operator starts it; the port follows."""

WORKERS = min(os.cpu_count() or 1, MAX_WORKERS)
"""One for each core."""


class Ready(Struct, frozen=True):
    """What stands in a server's log, and how often, once all of its workers take connections. The first of them may
    answer before, and would be left with all connections of a load that begins then.
    """

    text: str
    times: int = 1


SERVING = Ready("serving http://")
"""Remora's own."""
ANSWERS = Ready("", 0)
"""Nothing: it is ready as soon as it answers."""


class Served(Struct, frozen=True):
    """A server that answers."""

    url: str
    process: psutil.Process

    @property
    def megabytes(self) -> float:
        """The memory that it has, with that of its workers."""
        every = [self.process, *self.process.children(recursive=True)]
        resident: int = sum(each.memory_info().rss for each in every)
        return resident / 1e6


@contextmanager
def served(
    command: Sequence[str | Path], log: Path, environment: Mapping[str, str], ready: Ready = ANSWERS
) -> Iterator[Served]:
    """Run `command` with a free port as its last word until the block ends. It answers, and is ready, or Failed."""
    with closing(Port()) as port, log.open("w") as lines:
        process = subprocess.Popen([*command, str(port.number)], env=environment, stdout=lines, stderr=lines)
        try:
            url = f"http://{HOST}:{port.number}"
            _wait(url, process, log, ready)
            yield Served(url, psutil.Process(process.pid))
        finally:
            _end(process)
            log.unlink()  # it has a line for each request


def _wait(url: str, process: subprocess.Popen[bytes], log: Path, ready: Ready) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    with httpx.Client(base_url=url, timeout=PATIENCE_SECONDS) as http:
        while not (_answers(http) and log.read_text().count(ready.text) >= ready.times):
            if process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"the server did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.005)


def _answers(http: httpx.Client) -> bool:
    """Whatever it answers will do: it runs."""
    try:
        http.get("/healthz")
    except httpx.TransportError:
        return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """It ends its workers. If it hangs, they are killed with it."""
    process.terminate()
    try:
        process.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        for each in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                each.kill()
        process.kill()
        process.wait()
