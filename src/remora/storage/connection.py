"""Connections to PostgreSQL: how they are made, how long they wait, and what their errors mean to us."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg import errors as pg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from remora.errors import StoreUnavailable
from remora.settings import Secret
from remora.storage.database import Row, UniqueViolation
from remora.storage.prepared import Prepared

Result = TypeVar("Result")

# Where nobody has set up a log, as in a command, the driver's warnings would go amid what the command says.
logging.getLogger("psycopg").addHandler(logging.NullHandler())

OLDEST = 150_000
"""The oldest server version that is known to do: 15."""

TICK_SECONDS = 0.1
"""How often a wait looks whether it was interrupted; psycopg's own default."""


# What says "not now" rather than "never", beside the connection's own troubles: OperationalError covers those, and
# what the server lacks at the moment (disk, memory, connections), locks and statements that took too long.
_AWAY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    pg.ReadOnlySqlTransaction,
    pg.IdleInTransactionSessionTimeout,
)


class Connection(psycopg.Connection[Row]):
    """A server that is frozen (its machine swaps, is suspended, is being moved) still takes what it is sent, and keeps
    the connection alive: neither its own time-outs end then, nor the network's. After `wait_seconds` without the whole
    answer the connection is closed, and OperationalError raised; None waits on.
    """

    wait_seconds: float | None = None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.prepared = Prepared()

    def wait(self, gen: PQGen[Result], interval: float = TICK_SECONDS, timeout: float | None = None) -> Result:
        bound = self.wait_seconds if timeout is None else timeout
        try:
            return super().wait(gen, interval, bound)
        except psycopg.errors._WaitTimeout as problem:  # noqa: SLF001 (it is raised to be turned into another)
            # Whatever the server says yet, it would be taken for the answer to something else.
            self.close()
            raise psycopg.OperationalError(f"the server has not answered within {bound} seconds") from problem


def conninfo_of(url: Secret, timeout_seconds: int) -> str:
    """The URL with what it leaves open: bounded waits for a dead network, and a server that may be written to."""
    try:
        given = conninfo_to_dict(url.reveal())
    except psycopg.ProgrammingError:
        # What libpq says of it may repeat a part of it.
        raise StoreUnavailable("REMORA_DATABASE_URL is not a connection URI that libpq understands") from None
    bounds: dict[str, Any] = {
        "application_name": "remora",
        "connect_timeout": timeout_seconds,
        "tcp_user_timeout": timeout_seconds * 1000,
        "keepalives_idle": timeout_seconds,
        "keepalives_interval": timeout_seconds,
        "keepalives_count": 3,
        "target_session_attrs": "read-write",
    }
    return make_conninfo("", **{**bounds, **given})


def is_pooled(conninfo: str) -> bool:
    """Look at the server once: is it new enough, and is a pooler between, which hands its connections around?"""
    try:
        with psycopg.connect(conninfo, autocommit=True, prepare_threshold=None) as connection:
            version, backend = connection.execute(
                "SELECT CAST(current_setting('server_version_num') AS int), pg_backend_pid()"
            ).fetchall()[0]
            # A pooler makes up the process number that a client is told when it connects.
            pooled = bool(backend != connection.info.backend_pid)
    except psycopg.Error as problem:
        # This is told to the operator alone. libpq names the host, the user and the database, never the password.
        raise StoreUnavailable(f"PostgreSQL cannot be used: {' '.join(str(problem).split())}") from problem
    if version < OLDEST:
        raise StoreUnavailable(f"PostgreSQL 15 or later is needed, not {version // 10_000}")
    return pooled


@contextmanager
def errors_translated() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as problem:
        raise translated(problem) from problem


def translated(problem: psycopg.Error) -> Exception:
    """Turn the driver's errors into ours, in this one place."""
    if isinstance(problem, pg.UniqueViolation):
        return UniqueViolation(problem.diag.message_primary or "a key is taken")
    if isinstance(problem, _AWAY):
        return StoreUnavailable(f"the database cannot be used now; nothing was done: {type(problem).__name__}")
    return problem
