"""Any number of statements for one way to the server and back: libpq's own pipeline.

psycopg's is made of cursors, and waits for the server once more at its end: it took three times the CPU of this one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import zip_longest

import psycopg
from psycopg.abc import PQGen
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.generators import fetch_many, send
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGresult

from remora.storage import parameters
from remora.storage.connection import Connection
from remora.storage.database import Query, Row
from remora.storage.numbered import FEW, Numbered, by_name, for_few

# A look at an enumeration's member takes longer than one at a name.
FAULT, END = ExecStatus.FATAL_ERROR, ExecStatus.PIPELINE_SYNC

DISCARD_PLANS = b"DISCARD PLANS"
"""Statements stay prepared, and are planned anew when they are used."""


class Pipeline:
    """The statements that were sent on a connection, and are not answered yet. Those up to an `end` are one part: a
    transaction of their own, in which what comes behind a fault is not carried out. `back` waits for a part; who may
    not wait sends with `flush`, and looks at what has come with `read` and `arrived`.

    After a fault the connection can only be closed: of the statements that came behind, it believes that the server
    has prepared them.
    """

    def __init__(self, connection: Connection, *, prepares: bool) -> None:
        """A statement that is prepared is not planned each time, and the connection must not be handed around."""
        self._connection = connection
        self._pgconn = connection.pgconn
        self._prepares = prepares
        self._on_their_way: deque[bool] = deque()
        """Of each command, whether its answer is wanted: that of one that is about statements is not."""
        self._open = False
        self._ends = 0
        self._came: list[PGresult] = []
        self._fault: psycopg.Error | None = None

    def send(self, statement: Numbered, values: Mapping[str, object]) -> None:
        """Put a statement on its way. Its fault is told with the answers."""
        given = [_in_text(values[name]) for name in statement.values]
        if not self._open and not self._ends:
            self._pgconn.enter_pipeline_mode()
        self._open = True
        if self._prepares:
            if self._connection.prepared.use(statement.name):
                self._pgconn.send_prepare(statement.name, statement.text)
                self._on_their_way.append(False)
            self._pgconn.send_query_prepared(statement.name, given, result_format=Format.BINARY)
        else:
            self._pgconn.send_query_params(statement.text, given, result_format=Format.BINARY)
        self._on_their_way.append(True)

    def ask(self, queries: Sequence[Query]) -> None:
        """Send queries; `found` has their rows."""
        for query, values in queries:
            self.send(*_spelled_out(query, values))

    def end(self) -> None:
        """End the part, and with it the use of plans that have grown old. At the beginning of one that would come
        before BEGIN, which then could not say any more what its transaction sees.
        """
        if self._prepares and self._connection.prepared.renew():
            self._pgconn.send_query_params(DISCARD_PLANS, None)
            self._on_their_way.append(False)
        self._pgconn.pipeline_sync()
        self._open = False
        self._ends += 1

    def flush(self) -> bool:
        """Let the server begin with what was sent. False if it cannot take all of it now: then it wants to be called
        again once the socket can be written to; or read from, when `read` comes first.
        """
        return self._pgconn.flush() == 0

    def read(self) -> None:
        """Take what the server has sent so far. OperationalError if the connection is lost."""
        try:
            self._pgconn.consume_input()
        except psycopg.OperationalError as lost:
            raise self._fault_or(lost) from None

    def arrived(self) -> list[PGresult] | None:
        """The answers to the part that was sent first, in order, if all of it was read; else None. Raises the fault
        among them; or OperationalError if the connection is lost.
        """
        # libpq waits if it is asked for more than it has: each time it has to say first that it is not busy.
        while self._ends and not self._pgconn.is_busy():
            answer = self._pgconn.get_result()
            if answer is None:
                raise self._fault_or(psycopg.OperationalError("the connection was lost"))
            if answer.status == END:
                return self._part()
            self._take(answer)
            self._pgconn.get_result()  # nothing, with which each answer ends
        return None

    def back(self) -> list[PGresult]:
        """Wait for the answers to all that was sent, in order. Raises the first fault among them."""
        if not self._open:
            return []
        self.end()
        return self._connection.wait(self._waiting())

    def found(self, answers: Sequence[PGresult], number: int) -> list[list[Row]]:
        """Every row of each of the last so many queries, given all answers to their part."""
        return [self.rows(answer) for answer in answers[len(answers) - number :]]

    def rows(self, answer: PGresult) -> list[Row]:
        """Every row of an answer."""
        loading = Transformer(self._connection)
        loading.set_pgresult(answer)
        return loading.load_rows(0, answer.ntuples, tuple)

    def _waiting(self) -> PQGen[list[PGresult]]:
        """As `arrived`, by psycopg's C generators: a thread that lets go of the interpreter has to wait for the others
        before it has it again, and those do so half as often.
        """
        try:
            yield from send(self._pgconn)
            while answers := (yield from fetch_many(self._pgconn)):
                if answers[0].status == END:
                    return self._part()
                self._take(answers[0])
        except psycopg.OperationalError as lost:
            raise self._fault_or(lost) from None
        raise self._fault_or(psycopg.OperationalError("the connection was lost"))

    def _take(self, answer: PGresult) -> None:
        if answer.status == FAULT:  # those behind it are not carried out
            self._fault = self._fault or error_from_result(answer, encoding=self._connection.info.encoding)
        if self._on_their_way and self._on_their_way.popleft():
            self._came.append(answer)

    def _part(self) -> list[PGresult]:
        came, fault = self._came, self._fault
        self._came, self._fault = [], None
        self._ends -= 1
        if not self._open and not self._ends:
            self._pgconn.exit_pipeline_mode()
        if fault is not None:
            raise fault
        return came

    def _fault_or(self, lost: psycopg.OperationalError) -> psycopg.Error:
        """What the server said before it hung up tells more."""
        return self._fault or lost


def _spelled_out(query: str, values: Mapping[str, object]) -> tuple[Numbered, Mapping[str, object]]:
    """A statement and its values, with a list of ids as an array; or each by itself, where there are few, filled up
    with NULL, which equals none.
    """
    asked = values.get("ids")
    if not isinstance(asked, tuple):
        return by_name()[query], values
    large_enough = bisect_left(FEW, len(asked))
    if not asked or large_enough == len(FEW) or parameters.has_nul(asked):
        return by_name()[query], {**values, "ids": parameters.ids(asked)}
    statement, names = for_few(query, FEW[large_enough])
    return statement, {**values, **dict(zip_longest(names, asked))}


def _in_text(value: object) -> bytes | None:
    """A value as the server reads it, whatever the type that it takes it for."""
    match value:
        case None:
            return None
        case bool():
            return b"true" if value else b"false"
        case bytes():
            return b"\\x" + value.hex().encode()
        case str() | int():
            text = str(value).encode()
            if b"\0" in text:  # where libpq would end it
                raise psycopg.DataError("PostgreSQL's texts cannot hold the character NUL")
            return text
    raise TypeError(f"a statement's value cannot be a {type(value).__name__}")
