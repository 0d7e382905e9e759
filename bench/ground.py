"""What the rows stand on: servers and shops that are made when the first row needs them, and stay for the others."""

from __future__ import annotations

import hashlib
import itertools
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from importlib.resources import files
from pathlib import Path

import psycopg
from tests.servers.postgresql import PostgresServer

from bench import shop
from bench.scale import Scale
from bench.served import ANSWERS, REMORA, SERVING, WORKERS, Ready, Served, served
from bench.shop import Shop

CACHE = Path(__file__).parent / ".cache"
READ_BYTES = 2**24


def disk() -> Path:
    """Where files go: /var/tmp is on a disk where /tmp may be in memory, and all that is durable must wait for one."""
    lasting = Path("/var/tmp")  # noqa: S108 (folders in it get names that nobody can guess)
    return lasting if lasting.is_dir() else Path(tempfile.gettempdir())


class Ground:
    """`stack` ends what was started; `folder` goes with it."""

    def __init__(self, scale: Scale, stack: ExitStack) -> None:
        self.scale = scale
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="remora-bench-", dir=disk())))
        self._stack = stack
        self._numbers = itertools.count()

    @cached_property
    def postgres(self) -> PostgresServer:
        """A server that waits for the disk."""
        return self._stack.enter_context(PostgresServer(disk=disk()))

    @cached_property
    def sqlite_shop(self) -> Shop:
        return shop.fill(self.file("shop"), self.scale.clients)

    @cached_property
    def postgres_shop(self) -> Shop:
        made = shop.fill(self.postgres.databases.create("shop"), self.scale.clients)
        self.settle(made)
        return made

    @cached_property
    def large_shop(self) -> Shop:
        """Made once, and kept for later runs as long as the tables are the same."""
        tables = hashlib.sha256()
        for each in sorted(files("remora.storage.migrations").joinpath("sqlite").iterdir(), key=lambda file: file.name):
            tables.update(each.read_bytes())
        kept = CACHE / f"{self.scale.many}-clients-{tables.hexdigest()[:12]}.db"
        if not kept.exists():
            CACHE.mkdir(exist_ok=True)
            for older in CACHE.glob(f"{self.scale.many}-clients-*"):
                older.unlink()
            making = kept.with_suffix(".making")
            shop.fill(f"sqlite:///{making}", self.scale.many)
            making.rename(kept)
        _read_through(kept)
        return shop.known(f"sqlite:///{kept}", self.scale.many)

    def file(self, name: str) -> str:
        """The URL of an SQLite file of this run."""
        return f"sqlite:///{self.folder}/{name}.db"

    def settle(self, filled: Shop) -> None:
        """Do what PostgreSQL would do in time after a database was filled, so that it does not do it meanwhile."""
        with psycopg.connect(filled.url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")

    def remora(self, of: Shop, workers: int = WORKERS, ready: Ready = SERVING) -> AbstractContextManager[Served]:
        """The server with default settings but for its workers; with one it is one process, without supervisor and
        writer.
        """
        return self.served(REMORA, {**of.environment, "REMORA_WORKERS": str(workers)}, ready)

    def served(
        self, command: Sequence[str | Path], environment: Mapping[str, str], ready: Ready = ANSWERS
    ) -> AbstractContextManager[Served]:
        """Whatever answers; its log is here."""
        return served(command, self.folder / f"server-{next(self._numbers)}.log", environment, ready)


def _read_through(path: Path) -> None:
    """Let the system have the file in memory, as it has one that is in use."""
    with path.open("rb", buffering=0) as file:
        while file.read(READ_BYTES):
            pass
