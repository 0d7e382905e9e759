"""The system's PgBouncer, which lets many sessions share a few of PostgreSQL's."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg

from tests.servers.server import Server, give

# Debian puts it where only root looks.
PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
SETTINGS = """\
[databases]
* = {behind}

[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 10
"""


class PgBouncer(Server):
    """Between transactions a session has no connection to PostgreSQL: what it set in one it may miss in the next."""

    def __init__(self, behind: str) -> None:
        """The URL of a database of the server behind it."""
        super().__init__("pgbouncer")
        self._behind = urlsplit(behind)

    def url(self, behind: str) -> str:
        """The URL by which a database of the server behind is reached through us."""
        return urlsplit(behind)._replace(netloc=f"postgres@{self.host}:{self.port}", query="").geturl()

    def stop(self) -> None:
        self._stop(signal.SIGTERM)

    @property
    def _file(self) -> Path:
        return self.folder / "pgbouncer.ini"

    def _prepare(self) -> None:
        parts = {
            "host": self._behind.hostname,
            "port": self._behind.port,
            "user": self._behind.username,
            "password": self._behind.password,
        }
        quoted = (f"{name}='{quote(str(value))}'" for name, value in parts.items() if value is not None)
        text = SETTINGS.format(host=self.host, port=self.port, behind=" ".join(quoted))
        self._file.touch(0o600)
        self._file.write_text(text, encoding="utf-8")
        give(self.folder)

    def _command(self) -> Sequence[str | Path]:
        assert PROGRAM is not None, "it is not installed"
        return [PROGRAM, self._file]

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(self._behind.geturl()), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def quote(part: str) -> str:
    """A part of a URL as it goes between single quotes."""
    return unquote(part).replace("'", "''")
