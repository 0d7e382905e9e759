"""A connection to PostgreSQL that does not wait for ever for a server that stands still."""

from __future__ import annotations

from typing import TypeVar

import psycopg
from psycopg.abc import PQGen

from remora.storage.database import Row

Result = TypeVar("Result")

TICK_SECONDS = 0.1
"""How often a wait looks whether it was interrupted; psycopg's own default."""


class Connection(psycopg.Connection[Row]):
    """A server that is frozen (its machine swaps, is suspended, is being moved) still takes what it is sent, and keeps
    the connection alive: neither its own time-outs end then, nor the network's. After `wait_seconds` without the whole
    answer the connection is closed, and OperationalError raised; None waits on.
    """

    wait_seconds: float | None = None

    def wait(self, gen: PQGen[Result], interval: float = TICK_SECONDS, timeout: float | None = None) -> Result:
        bound = self.wait_seconds if timeout is None else timeout
        try:
            return super().wait(gen, interval, bound)
        except psycopg.errors._WaitTimeout as problem:  # noqa: SLF001 (it is raised to be turned into another)
            # Whatever the server says yet, it would be taken for the answer to something else.
            self.close()
            raise psycopg.OperationalError(f"the server has not answered within {bound} seconds") from problem
