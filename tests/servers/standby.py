"""A PostgreSQL that repeats another, and takes its place when it is told to."""

from __future__ import annotations

import shutil

import psycopg

from tests.servers.postgresql import PostgresServer
from tests.servers.process import wait_until
from tests.servers.server import give


class Standby(PostgresServer):
    """It begins with a copy of the primary's data, for which that stands still; then it follows."""

    def __init__(self, primary: PostgresServer) -> None:
        super().__init__(durable=True)
        self._primary = primary

    def start(self) -> None:
        super().start()
        wait_until(lambda: bool(self._followers()), "the standby follows")

    def promote(self) -> None:
        """Take the primary's place."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute("SELECT pg_promote()")

    def _prepare(self) -> None:
        self._install()
        self._primary.stop()
        shutil.copytree(self._primary.folder / "data", self._data)
        self._primary.start()
        (self._data / "standby.signal").touch()
        with (self._data / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"primary_conninfo = 'host={self._primary.host} port={self._primary.port} user=postgres'\n")
        give(self.folder)

    def _followers(self) -> list[tuple[int]]:
        with psycopg.connect(self._primary.url("postgres")) as connection:
            return connection.execute("SELECT pid FROM pg_stat_replication WHERE state = 'streaming'").fetchall()
