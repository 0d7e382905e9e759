"""A server of the tests' own: a folder, a port, and a process that may be stopped, killed, paused and started again."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import psutil

from tests.servers.port import HOST, Port
from tests.servers.process import Process, wait_until

USER = "nobody"
"""As whom a server runs when we are root, since PostgreSQL and PgBouncer refuse to be."""

ROOM = 2**30
"""Bytes that must be free where a server is put. It takes a tenth of that, and each database 8 MB."""


class Server(ABC):
    """`folder` belongs to the user that the server runs as, and goes when the server is closed."""

    def __init__(self, name: str, within: Path | None = None) -> None:
        """The folder is made within the one given, or else where temporary files go."""
        self.folder = Path(tempfile.mkdtemp(prefix=f"remora-{name}-", dir=within or temporary_folder()))
        self._prepared = False
        self._port = Port()
        self._process: Process | None = None

    @property
    def host(self) -> str:
        return HOST

    @property
    def port(self) -> int:
        return self._port.number

    @abstractmethod
    def _prepare(self) -> None:
        """Put what the server needs into its folder, before the first start."""

    @abstractmethod
    def _command(self) -> Sequence[str | Path]:
        """What starts the server in the foreground, on `host` and `port`."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether it takes a connection and answers on it."""

    def processes(self) -> list[psutil.Process]:
        """All that run for it."""
        return self._running().all()

    def start(self) -> None:
        """Start it and wait until it answers; again on the same port and data, if it was stopped or killed."""
        assert self._process is None, "it runs already"
        if not self._prepared:
            self._prepare()
            self._prepared = True
        process = self._process = self._run(self._command())
        wait_until(lambda: not process.runs() or self._answers(), "the server answers")
        if not process.runs():
            raise RuntimeError(f"the server ended at once:\n{self._log()}")

    def revive(self) -> None:
        """Let it run, whatever was done to it."""
        if self._process is not None and self._process.runs():
            self._process.resume()
            return
        if self._process is not None:
            self.kill()
        self.start()

    def kill(self) -> None:
        """End it and all its processes as `kill -9` does, and wait until they have."""
        self._running().kill()
        self._process = None

    def pause(self) -> None:
        """Let it stand still: it takes connections and never answers."""
        self._running().pause()

    def resume(self) -> None:
        self._running().resume()

    def close(self) -> None:
        """Leave nothing of it."""
        if self._process is not None:
            self.kill()
        self._port.close()
        shutil.rmtree(self.folder)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, command: Sequence[str | Path]) -> Process:
        return Process(self.folder, USER, command)

    def _stop(self, how: signal.Signals) -> None:
        """Ask it to end, and wait until it and all its processes have."""
        process = self._running()
        process.resume()
        process.signal(how)
        process.wait()
        self._process = None

    def _running(self) -> Process:
        assert self._process is not None, "it does not run"
        return self._process

    def _log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")[-2000:]


def temporary_folder() -> Path:
    """Where folders of servers go: in memory if it may be, where a database is cloned ten times as fast."""
    for folder in (Path("/dev/shm"), Path(tempfile.gettempdir()).resolve(), Path("/tmp"), Path("/var/tmp")):
        if folder.is_dir() and suits(folder):
            return folder
    raise RuntimeError(
        f"no folder for temporary files that {USER} can reach, run programs from and put {ROOM} bytes in"
    )


def suits(folder: Path) -> bool:
    """Whether the server's user can get there and run programs there, and there is room."""
    reachable = os.geteuid() != 0 or all(part.stat().st_mode & stat.S_IXOTH for part in (folder, *folder.parents))
    system = os.statvfs(folder)
    return reachable and not system.f_flag & os.ST_NOEXEC and system.f_bavail * system.f_frsize >= ROOM


def give(folder: Path) -> None:
    """Give the folder and all in it to the user that the server runs as."""
    if os.geteuid() != 0:
        return
    user = pwd.getpwnam(USER)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid)
