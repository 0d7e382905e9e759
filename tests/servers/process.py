"""A server's process, which nothing of it outlives."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

KEEPER = Path(__file__).with_name("keeper.py")
SECONDS = 30
"""How long we wait for a process before it counts as broken: the longest seen is a second."""


class Process:
    """A command that runs in a folder under a keeper, as the user if we are root. What it says is added to the
    folder's file `log`.
    """

    def __init__(self, folder: Path, user: str, command: Sequence[str | Path]) -> None:
        with (folder / "log").open("ab") as log:
            self._keeper = subprocess.Popen(
                [sys.executable, "-I", KEEPER, folder, user, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the tests, which end it in their own time
            )
        assert self._keeper.stdout is not None
        started = self._keeper.stdout.readline()
        if not started:
            self.wait()
            raise RuntimeError(f"it could not be started:\n{(folder / 'log').read_text()}")
        self.pid = int(started)

    def runs(self) -> bool:
        return self._keeper.poll() is None

    def all(self) -> list[psutil.Process]:
        """Itself, with its keeper and all that it started."""
        keeper = psutil.Process(self._keeper.pid)
        return [keeper, *keeper.children(recursive=True)]

    def signal(self, which: signal.Signals) -> None:
        os.kill(self.pid, which)

    def wait(self) -> int:
        """Wait until it and all that it started have ended; its status."""
        status = self._keeper.wait(SECONDS)
        self._keeper.communicate()
        return status

    def kill(self) -> None:
        """Kill it and all that it started, as `kill -9` does, and wait until nothing is left of them."""
        self._keeper.communicate(b"but keep the folder", SECONDS)

    def pause(self) -> None:
        """Let it and all that it started stand still. The kernel goes on to take connections in their stead."""
        server = psutil.Process(self.pid)
        server.suspend()
        wait_until(lambda: server.status() == psutil.STATUS_STOPPED, "it stands still")
        for process in server.children(recursive=True):
            process.suspend()

    def resume(self) -> None:
        server = psutil.Process(self.pid)
        for process in (*server.children(recursive=True), server):
            with contextlib.suppress(psutil.NoSuchProcess):  # one that did not stand still may end meanwhile
                process.resume()


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Ask a hundred times a second, and give up after SECONDS."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited for {SECONDS} seconds until {what}")
        time.sleep(0.01)
