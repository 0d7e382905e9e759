"""A way to a test's database past all of our code, and past the checks of its tables."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import psycopg
from psycopg.sql import SQL, Identifier

Row = tuple[Any, ...]


class BackDoor(ABC):
    """Each visit is a connection of its own."""

    tables: ClassVar[str]
    """A query for the names of our tables."""

    @abstractmethod
    def run(self, statement: str) -> int:
        """Change what is there, however wrong it be then; how many rows that were. 32 bytes of nought are written
        `zeroblob(32)`.
        """

    @abstractmethod
    def rows(self, query: str) -> list[Row]:
        """What is there."""

    @abstractmethod
    def dump(self) -> str:
        """All that is there, bytes in hexadecimal."""

    @abstractmethod
    def busy(self) -> AbstractContextManager[None]:
        """Another's transaction, for which whoever writes for a bot or a client has to wait; who reads has not."""


class SqliteBackDoor(BackDoor):
    """To a file."""

    tables = "SELECT name FROM sqlite_master WHERE type = 'table'"

    def __init__(self, path: Path) -> None:
        self._path = path

    def run(self, statement: str) -> int:
        with closing(sqlite3.connect(self._path)) as connection, connection:
            connection.execute("PRAGMA ignore_check_constraints = ON")
            return connection.execute(statement).rowcount

    def rows(self, query: str) -> list[Row]:
        with closing(sqlite3.connect(self._path)) as connection:
            return connection.execute(query).fetchall()

    def dump(self) -> str:
        with closing(sqlite3.connect(self._path)) as connection:
            return "\n".join(connection.iterdump())

    @contextmanager
    def busy(self) -> Iterator[None]:
        with closing(sqlite3.connect(self._path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")


class PostgresBackDoor(BackDoor):
    """To a database of a server."""

    tables = "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = to_regnamespace('public')"

    def __init__(self, url: str) -> None:
        self._url = url

    def run(self, statement: str) -> int:
        statement = statement.replace("zeroblob(32)", "decode(repeat('00', 32), 'hex')")
        with psycopg.connect(self._url, autocommit=True) as connection:
            while True:
                try:
                    return connection.execute(statement.encode()).rowcount
                except psycopg.errors.CheckViolation as check:
                    connection.execute(
                        SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(
                            Identifier(check.diag.table_name or ""), Identifier(check.diag.constraint_name or "")
                        )
                    )

    def rows(self, query: str) -> list[Row]:
        with psycopg.connect(self._url) as connection:
            return connection.execute(query.encode()).fetchall()

    def dump(self) -> str:
        with psycopg.connect(self._url) as connection:
            return "\n".join(
                row[0]
                for (table,) in connection.execute(self.tables).fetchall()
                for row in connection.execute(SQL("SELECT CAST({0} AS text) FROM {0}").format(Identifier(table)))
            )

    @contextmanager
    def busy(self) -> Iterator[None]:
        with psycopg.connect(self._url) as connection:
            connection.execute("SELECT FROM bots FOR UPDATE")
            connection.execute("SELECT FROM clients FOR UPDATE")
            yield
            connection.rollback()
