"""Starts a server in a process of its own, and waits until it answers."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import psutil
from msgspec import Struct
from tests.servers.port import HOST, Port

from bench.failure import Failed

PATIENCE_SECONDS = 60
"""How long a server may take to start, and to stop."""

REMORA = (sys.executable, "-m", "remora", "serve", "--port")
"""The server as its operator starts it; the port follows."""


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
def served(command: Sequence[str | Path], log: Path, environment: Mapping[str, str]) -> Iterator[Served]:
    """Run `command` with a free port as its last word until the block ends. Failed if it does not start."""
    with closing(Port()) as port, log.open("w") as lines:
        process = subprocess.Popen([*command, str(port.number)], env=environment, stdout=lines, stderr=lines)
        try:
            url = f"http://{HOST}:{port.number}"
            _wait(url, process, log)
            yield Served(url, psutil.Process(process.pid))
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            log.unlink()  # it has a line for each request


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Whatever it answers will do: it runs."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with httpx.Client(base_url=url, timeout=PATIENCE_SECONDS) as http:
        while True:
            try:
                http.get("/healthz")
            except httpx.TransportError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise Failed(f"the server did not start:\n{log.read_text()[-2000:]}") from None
                time.sleep(0.005)
            else:
                return
