"""A connection that is asked and not waited for: see `Line`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import psycopg
from psycopg.pq import TransactionStatus

from remora.storage.connection import Connection, translated
from remora.storage.database import Query, Row
from remora.storage.pipeline import Pipeline


class PostgresLine:
    """See `Line`."""

    def __init__(
        self,
        connection: Connection,
        pipeline: Pipeline,
        begin: Callable[[Pipeline], None] | None,
        give_back: Callable[[Connection], None],
    ) -> None:
        """`begin` sends what has to come before the queries that are asked together."""
        self.fileno = connection.fileno()
        self._connection = connection
        self._pipeline = pipeline
        self._begin = begin
        self._give_back = give_back
        self._asked: deque[int] = deque()
        self._spoiled = False

    def ask(self, *queries: Query) -> None:
        try:
            if self._begin is not None:
                self._begin(self._pipeline)
            self._pipeline.ask(queries)
            self._pipeline.end()
        except psycopg.Error as problem:
            raise self._told(problem) from problem
        self._asked.append(len(queries))

    def flush(self) -> bool:
        try:
            return self._pipeline.flush()
        except psycopg.Error as problem:
            raise self._told(problem) from problem

    def read(self) -> None:
        try:
            self._pipeline.read()
        except psycopg.Error as problem:
            raise self._told(problem) from problem

    def answers(self) -> list[list[Row]] | None:
        try:
            answers = self._pipeline.arrived()
        except psycopg.Error as problem:
            raise self._told(problem) from problem
        return None if answers is None else self._pipeline.found(answers, self._asked.popleft())

    def is_lost(self) -> bool:
        return self._connection.broken

    def close(self) -> None:
        if self._spoiled or self._connection.info.transaction_status != TransactionStatus.IDLE:
            self._connection.close()
        self._give_back(self._connection)

    def _told(self, problem: psycopg.Error) -> Exception:
        self._spoiled = True  # see `Pipeline`
        return translated(problem)
