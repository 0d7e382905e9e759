"""Starts the one or the other application on the server that `remora serve` uses, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from bench.nothing import application
from remora import settings
from remora.clock import SystemClock
from remora.service.installation import open_installation
from remora.web import server
from remora.web.supervisor import supervise


@contextmanager
def running(what: str, log: Path, environment: dict[str, str]) -> Iterator[str]:
    """Run `what` ("remora" or "nothing") and give its URL; it is ended with the block."""
    with log.open("w") as lines:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.serve", what],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=lines,
            text=True,
        )
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
            process.wait()


def main(what: str) -> None:
    """Serve until ended; the first line of output is the URL."""
    read = settings.load()
    listener = server.listen("127.0.0.1", 0)
    if read.workers > 1:
        sys.exit(supervise(listener, read.workers, lambda url: print(url, flush=True)))
    print(server.base_url(listener), flush=True)
    if what == "nothing":
        uvicorn.Server(server.config(application, read)).run(sockets=[listener])
        return
    installation = open_installation(read, SystemClock(), serving=True)
    server.serve(installation, read, listener, lambda _: None)
    installation.close()


if __name__ == "__main__":
    main(sys.argv[1])
