"""The embedded store: one SQLite file, through the standard library's driver."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path

from remora.courtesy import is_nice
from remora.errors import StoreUnavailable
from remora.storage.checkpoint import Checkpoints
from remora.storage.database import Begun, Names, Query, Row, Transaction, UniqueViolation
from remora.storage.named import statements
from remora.storage.turn import Turn

LIST_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)
"""How many ids a statement is prepared for: a few texts serve for every list, and stay prepared. A list is filled up
with NULL, which equals nothing.
"""

CACHE_KIB = 32 * 1024
"""At most so much of the file each connection keeps in memory; it takes what it uses only."""

CHECKPOINT_PAGES = 16_000
"""When the log has so many pages (65 MB) the commit that wrote the last brings them into the file, where `Checkpoints`
did not. SQLite's own 1,000 are written by 200 grants, and each page of a client that is granted to twice would be
brought there twice.
"""

STEPS_BEFORE_OTHERS = 300
"""After so many steps of SQLite's machine, some 25 microseconds, a process that is nice lets others run."""

_PLACE = re.compile(r":([a-z_]+)")

_UNIQUE_CODES = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}
# The primary result codes that say "not now" rather than "never": locked, full, unreadable, gone.
_AWAY_CODES = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
}


class SqliteDatabase:
    """A database file that exists. Each thread has its own connection; writers take turns, also those
    of several processes.

    Raises StoreUnavailable if the file is not there: only `create` makes one.
    """

    dialect = "sqlite"
    embedded = True

    def __init__(self, path: Path, busy_timeout_seconds: int) -> None:
        self.path = path
        self._busy_timeout_seconds = busy_timeout_seconds
        self._uri = f"{path.absolute().as_uri()}?mode=rw"
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        # SQLite would let waiting writers poll; in one process they can queue instead, and then as a process.
        self._writer = threading.Lock()
        self._turn = Turn(path, busy_timeout_seconds)
        self._checkpoints = Checkpoints(path, self._connect, self._alone)
        self._connection()

    def together(self, *queries: Query) -> list[list[Row]]:
        connection = self._connection()
        try:
            # One transaction costs less than one for each statement.
            connection.execute("BEGIN")
            try:
                return SqliteTransaction(connection).together(*queries)
            finally:
                if connection.in_transaction:
                    connection.execute("COMMIT")
        except sqlite3.Error as problem:
            raise _translated(problem) from problem

    def read(self) -> AbstractContextManager[Transaction]:
        return self._transaction("BEGIN")

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        connection = self._connection()
        with self._alone():
            before = connection.total_changes
            with self._transaction("BEGIN IMMEDIATE") as transaction:
                yield transaction
            self._checkpoints.wrote(connection.total_changes - before)

    @contextmanager
    def write_after(self, *queries: Query) -> Iterator[Begun]:
        with self.write() as transaction:
            yield transaction, transaction.together(*queries)

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """The driver's own connection, which sees one state until the block ends: for what only SQLite can do."""
        with self.read():
            connection = self._connection()
            # The first statement that reads takes the snapshot; BEGIN alone does not.
            connection.execute("PRAGMA page_count").fetchall()
            yield connection

    def line(self) -> None:
        """It answers in this process."""

    def pool_state(self) -> None:
        """Each thread has its own connection."""

    def close(self) -> None:
        self._checkpoints.close()
        for connection in self._open:
            connection.close()
        self._open.clear()
        self._turn.close()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else writes meanwhile who takes turns."""
        with self._writer, self._turn:
            yield

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Transaction]:
        connection = self._connection()
        with _errors_translated():
            try:
                connection.execute(begin)
                yield SqliteTransaction(connection)
                connection.execute("COMMIT")
            except BaseException:
                # Some errors end the transaction by themselves; a second ROLLBACK would hide the first error.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._connect()
            self._local.connection = connection
            self._open.append(connection)
        return connection

    def _connect(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self._uri,
                uri=True,
                timeout=self._busy_timeout_seconds,
                isolation_level=None,  # we say BEGIN ourselves
                check_same_thread=False,  # `close` is called from the thread that stops the service
                cached_statements=256,
            )
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            if is_nice():
                connection.set_progress_handler(os.sched_yield, STEPS_BEFORE_OTHERS)
        except sqlite3.Error as problem:
            raise _translated(problem) from problem
        return connection


class SqliteTransaction:
    """See `Transaction`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._statements = _texts()

    def run(self, query: str, **values: object) -> int:
        return self._connection.execute(self._statements[query], values).rowcount

    def run_many(self, query: str, bot_id: str, names: Names, rows: Sequence[Row]) -> None:
        # By their places: the driver would look each name up for each row.
        self._connection.executemany(_placed(query, names), map((bot_id,).__add__, rows))

    def one(self, query: str, **values: object) -> Row | None:
        # Fetched whole, so that no statement is still open when the transaction ends.
        rows = self.all(query, **values)
        return rows[0] if rows else None

    def all(self, query: str, **values: object) -> list[Row]:
        return self._connection.execute(self._statements[query], values).fetchall()

    def together(self, *queries: Query) -> list[list[Row]]:
        return [
            self._listed(query, values, ids) if type(ids := values.get("ids")) is tuple else self.all(query, **values)
            for query, values in queries
        ]

    def _listed(self, query: str, values: Mapping[str, object], ids: tuple[str, ...]) -> list[Row]:
        """The rows that a statement finds by a list, which is filled up to a size that has a text."""
        if len(ids) > LIST_SIZES[-1]:
            halves = ids[: len(ids) // 2], ids[len(ids) // 2 :]
            return [row for half in halves for row in self._listed(query, values, half)]
        size = LIST_SIZES[bisect_left(LIST_SIZES, len(ids))]
        text, names = _listing(query, size)
        given = [*map(values.__getitem__, names), *ids, *(None,) * (size - len(ids))]
        return self._connection.execute(text, given).fetchall()

    def script(self, text: str) -> None:
        """Run the statements of a migration, one by one: `executescript` would commit before it starts."""
        pending = ""
        for line in text.splitlines(keepends=True):
            pending += line
            if sqlite3.complete_statement(pending):
                self._connection.execute(pending)
                pending = ""


def create(path: Path) -> None:
    """Make an empty database file, unless it is there. It will hold the signing key: its owner's only."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()
    except (OSError, sqlite3.Error) as problem:
        raise StoreUnavailable(f"{path} cannot be made a database: {problem}") from problem


@cache
def _texts() -> dict[str, str]:
    """The statements, without the clause that SQLite neither has nor needs: a writer has the file to itself."""
    return {name: each.text.replace(" FOR UPDATE", "") for name, each in statements("sqlite").items()}


@cache
def _listing(query: str, size: int) -> tuple[str, tuple[str, ...]]:
    """A statement whose list `:ids` has `size` rows, after the places of its other values, and the names of these."""
    text = _texts()[query]
    names = tuple(dict.fromkeys(name for name in _PLACE.findall(text) if name != "ids"))
    numbers = {name: f"?{number}" for number, name in enumerate(names, 1)}
    numbers["ids"] = ",".join(f"(?{number})" for number in range(len(names) + 1, len(names) + size + 1))
    return _PLACE.sub(lambda place: numbers[place[1]], text), names


@cache
def _placed(query: str, names: Names) -> str:
    """A statement whose first value is the bot's id, and those behind it are these."""
    numbers = {name: f"?{number}" for number, name in enumerate(("bot_id", *names), 1)}
    return _PLACE.sub(lambda place: numbers[place[1]], _texts()[query])


@contextmanager
def _errors_translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as problem:
        ours = _translated(problem)
        if ours is problem:
            raise
        raise ours from problem


def _translated(problem: sqlite3.Error) -> Exception:
    """Turn the driver's errors into ours, in this one place."""
    if isinstance(problem, sqlite3.IntegrityError) and problem.sqlite_errorcode in _UNIQUE_CODES:
        return UniqueViolation(str(problem))
    code = getattr(problem, "sqlite_errorcode", sqlite3.SQLITE_OK)
    if code & 0xFF in _AWAY_CODES:
        return StoreUnavailable(f"the database cannot be used now: {problem}")
    return problem
