"""The store for several processes and machines: PostgreSQL 15 or later, through psycopg's pool."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import psycopg
from psycopg import errors as pg
from psycopg.pq import TransactionStatus
from psycopg.pq.abc import PGresult
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from remora.errors import StoreUnavailable
from remora.settings import Secret
from remora.storage.connection import Connection, conninfo_of, errors_translated, is_pooled, translated
from remora.storage.database import Begun, Names, PoolState, Query, Row, Transaction
from remora.storage.line import PostgresLine
from remora.storage.numbered import Numbered, by_name, numbered
from remora.storage.parameters import columns
from remora.storage.pipeline import Pipeline

AWAY_SECONDS = 0.1
"""How long a connection is waited for while the server is known to be away: someone has to find out that it is back."""

READ = numbered("begin_read", "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
WRITE = numbered("begin_write", "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE")
COMMIT = numbered("commit", "COMMIT")

NOT_FOR_EVER = numbered("not_for_ever", "SET LOCAL idle_in_transaction_session_timeout = '60s'")
"""What holds locks is given up in the end, even if it was stopped by hand."""

# Durable whatever the server's default is: an acknowledged write has to be on its disk.
_SESSION = numbered(
    "session",
    """
SELECT set_config('statement_timeout', :statement, :local),
       set_config('lock_timeout', :lock, :local),
       set_config('idle_in_transaction_session_timeout', :idle, :local),
       set_config('synchronous_commit',
                  CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' WHEN 'local' THEN 'on'
                  ELSE current_setting('synchronous_commit') END, :local)
""",
)


class PostgresDatabase:
    """A database that is there. Threads share a pool of connections.

    StoreUnavailable if it cannot be reached, or is older than PostgreSQL 15.
    """

    dialect = "postgresql"
    embedded = False

    def __init__(self, url: Secret, *, timeout_seconds: int, pool_size: int, patient: bool = False) -> None:
        """No wait lasts longer than `timeout_seconds`; but a `patient` one lets statements take their time, and what
        comes between those that only read.
        """
        self._timeout_seconds = timeout_seconds
        self._patient = patient
        conninfo = conninfo_of(url, timeout_seconds)
        self._pooled_elsewhere = is_pooled(conninfo)
        self._away = False
        self.pool: ConnectionPool[Connection] = ConnectionPool(
            conninfo,
            connection_class=Connection,
            kwargs={
                "autocommit": True,  # we say BEGIN ourselves
                "prepare_threshold": None,  # what is worth it is prepared by `Pipeline`
            },
            min_size=1,
            max_size=pool_size,
            configure=self._configure,
            timeout=timeout_seconds,
            # After so long it gives up, and the next who wants a connection makes it try again, at once.
            reconnect_timeout=timeout_seconds,
            name="remora",
            open=True,
        )
        self._wait_for_first()

    def together(self, *queries: Query) -> list[list[Row]]:
        last = time.monotonic() + self._timeout_seconds
        while True:
            connection = self._connection()
            try:
                # The pipeline makes one transaction of them, which ends with it.
                return self._begun_on(connection).together(*queries)
            except psycopg.Error as problem:
                dead = connection.broken
                connection.close()  # see `_leave`
                if not dead or time.monotonic() > last:
                    raise translated(problem) from problem
            finally:
                self.pool.putconn(connection)

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        with self._transaction(READ) as (tx, _):
            yield tx

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        with self._transaction(WRITE) as (tx, _):
            yield tx

    def write_after(self, *queries: Query) -> AbstractContextManager[Begun]:
        return self._transaction(WRITE, *queries)

    def line(self) -> PostgresLine:
        connection = self._connection()
        begin = partial(self._limit, local=True) if self._pooled_elsewhere else None
        return PostgresLine(connection, self._pipeline(connection), begin, self.pool.putconn)

    def pool_state(self) -> PoolState:
        told = self.pool.get_stats()  # it leaves out what never happened
        return PoolState(
            most=told["pool_max"],
            size=told["pool_size"],
            available=told["pool_available"],
            waiting=told["requests_waiting"],
            timeouts=told.get("requests_errors", 0),
            waited_seconds=told.get("requests_wait_ms", 0) / 1000,
        )

    def close(self) -> None:
        self.pool.close(timeout=self._timeout_seconds)

    @contextmanager
    def _transaction(self, begin: Numbered, *queries: Query) -> Iterator[Begun]:
        connection, tx, rows = self._begun(begin, queries)
        try:
            with errors_translated():
                yield tx, rows
                tx.commit()
        finally:
            _leave(connection)
            self.pool.putconn(connection)

    def _begun(
        self, begin: Numbered, queries: Sequence[Query]
    ) -> tuple[Connection, PostgresTransaction, list[list[Row]]]:
        """A connection that has begun a transaction with these queries. One that turns out to be dead, as all are once
        the server was started anew, is thrown away for another: nothing was done on it yet.
        """
        last = time.monotonic() + self._timeout_seconds
        while True:
            connection = self._connection()
            try:
                tx = self._begun_on(connection, begin)
                return connection, tx, tx.together(*queries)
            except psycopg.Error as problem:
                dead = connection.broken
                _leave(connection)
                self.pool.putconn(connection)
                if isinstance(problem, pg.FeatureNotSupported):  # its URL asked for `target_session_attrs=any`
                    raise StoreUnavailable("the database is a standby, and cannot be written to") from problem
                if not dead or time.monotonic() > last:
                    raise translated(problem) from problem

    def _begun_on(self, connection: Connection, begin: Numbered | None = None) -> PostgresTransaction:
        """A transaction that is on its way: the first statement that is waited for brings it there."""
        pipeline = self._pipeline(connection)
        if begin is not None:
            pipeline.send(begin, {})
        if self._pooled_elsewhere:
            self._limit(pipeline, local=True)
        if self._patient and begin is WRITE:
            pipeline.send(NOT_FOR_EVER, {})
        return PostgresTransaction(connection, pipeline)

    def _pipeline(self, connection: Connection) -> Pipeline:
        return Pipeline(connection, prepares=not self._pooled_elsewhere)

    def _connection(self) -> Connection:
        try:
            connection = self.pool.getconn(AWAY_SECONDS if self._away else self._timeout_seconds)
        except (PoolTimeout, TooManyRequests, PoolClosed) as problem:
            # From now on nobody waits long, until there is a connection again.
            self._away = True
            raise StoreUnavailable("the database cannot be reached now; nothing was done") from problem
        self._away = False
        return connection

    def _wait_for_first(self) -> None:
        """Whoever asks for a connection before there is one has the pool make a second, and from then on the two take
        turns: two backends, each of which finds the processor's caches full of the other's.
        """
        try:
            self.pool.wait(self._timeout_seconds)
        except PoolTimeout as problem:
            self.pool.close()
            raise StoreUnavailable("the database cannot be reached now; nothing was done") from problem

    def _configure(self, connection: Connection) -> None:
        if not self._patient:
            # Longer than the server's own, so that it can tell of them first.
            connection.wait_seconds = 2 * self._timeout_seconds
        if not self._pooled_elsewhere:
            pipeline = self._pipeline(connection)
            self._limit(pipeline, local=False)
            pipeline.back()

    def _limit(self, pipeline: Pipeline, *, local: bool) -> None:
        """Bound every wait in the server. Behind a pooler a connection's settings are not its own, so there each
        transaction has to set them again.
        """
        most = 0 if self._patient else self._timeout_seconds
        values = {"statement": most, "lock": self._timeout_seconds, "idle": most}
        pipeline.send(_SESSION, {name: f"{value}s" for name, value in values.items()} | {"local": local})


class PostgresTransaction:
    """See `Transaction`. Rows that are written are not waited for: a fault in one statement is told by the next that
    is, or by the end of the transaction. libpq sends what it has whenever that is 8 KiB, so that the server does not
    wait for the last of many; a few go with the end, in one packet.
    """

    def __init__(self, connection: Connection, pipeline: Pipeline) -> None:
        self._connection = connection
        self._pipeline = pipeline
        self._statements = by_name()

    def run(self, query: str, **values: object) -> int:
        return self._answer(query, values).command_tuples or 0

    def run_many(self, query: str, bot_id: str, names: Names, rows: Sequence[Row]) -> None:
        if rows:
            self._pipeline.send(
                self._statements[query], {"bot_id": bot_id, **dict(zip(names, columns(rows), strict=True))}
            )

    def one(self, query: str, **values: object) -> Row | None:
        rows = self.all(query, **values)
        return rows[0] if rows else None

    def all(self, query: str, **values: object) -> list[Row]:
        return self._pipeline.rows(self._answer(query, values))

    def together(self, *queries: Query) -> list[list[Row]]:
        self._pipeline.ask(queries)
        return self._pipeline.found(self._pipeline.back(), len(queries))

    def script(self, text: str) -> None:
        self._pipeline.back()
        self._connection.execute(text.encode())

    def _answer(self, query: str, values: Mapping[str, object]) -> PGresult:
        """The statement's, after those of all that was sent before."""
        self._pipeline.send(self._statements[query], values)
        return self._pipeline.back()[-1]

    def commit(self) -> None:
        """Keep what was done: for the same way there and back as the rows that were written last."""
        try:
            self._pipeline.send(COMMIT, {})
            committed = self._pipeline.back()[-1]
        except (psycopg.OperationalError, psycopg.InternalError) as problem:
            # Where a statement before has failed, the transaction is open still, and undone for certain.
            status = self._connection.info.transaction_status
            if status == TransactionStatus.INERROR or isinstance(problem, pg.IdleInTransactionSessionTimeout):
                raise
            # Citus has no better name than an internal error for a worker that went away while it committed.
            raise StoreUnavailable(
                "the database went away at the commit; whether it was done is not known: send the same again, with its"
                " key"
            ) from problem
        # The server ends a transaction in which a statement has failed with a ROLLBACK, whatever it is told.
        assert committed.command_status == b"COMMIT", "a failed statement's error was swallowed"


def _leave(connection: Connection) -> None:
    """Undo a transaction that did not end. After a fault, or with statements on their way, the connection is not used
    again; see `Pipeline`.
    """
    status = connection.info.transaction_status
    try:
        if status == TransactionStatus.INTRANS:
            connection.execute("ROLLBACK")
        elif status != TransactionStatus.IDLE:
            connection.close()  # the server rolls back
    except psycopg.Error:
        connection.close()
