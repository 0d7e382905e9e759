"""Any number of statements for one way to the server and back: libpq's own pipeline.

psycopg's is made of cursors, and waits for the server once more at its end: it took three times the CPU of this one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import psycopg
from msgspec import Struct
from psycopg.abc import PQGen
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.generators import fetch_many, send
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGresult

from remora.storage.connection import Connection
from remora.storage.database import Row

FAILED = ExecStatus.FATAL_ERROR


class Numbered(Struct, frozen=True):
    """A statement in the server's own terms, `$1` for the first of its values."""

    name: bytes
    text: bytes
    values: tuple[str, ...]


def numbered(name: str, text: str) -> Numbered:
    """A statement that says `:name` for a value."""
    order: dict[str, int] = {}
    text = re.sub(r":([a-z_]+)", lambda found: f"${order.setdefault(found[1], len(order) + 1)}", text)
    return Numbered(name.encode(), text.encode(), tuple(order))


class Pipeline:
    """The statements that were sent on a connection, and are not answered yet. After a fault the connection can only
    be closed: of the statements that came behind, it believes that the server has prepared them.
    """

    def __init__(self, connection: Connection, *, prepares: bool) -> None:
        """A statement that is prepared is planned once for a connection, which then must not be handed around."""
        self._connection = connection
        self._pgconn = connection.pgconn
        self._prepares = prepares
        self._asked: list[bool] = []
        """Of each command on its way, whether it is a statement: else it prepares one."""

    def send(self, statement: Numbered, values: Mapping[str, object]) -> None:
        """Put a statement on its way. Its fault is told by `back`."""
        if not self._asked:
            self._pgconn.enter_pipeline_mode()
        given = [_in_text(values[name]) for name in statement.values]
        if self._prepares:
            if statement.name not in self._connection.prepared:
                self._pgconn.send_prepare(statement.name, statement.text)
                self._connection.prepared.add(statement.name)
                self._asked.append(False)
            self._pgconn.send_query_prepared(statement.name, given, result_format=Format.BINARY)
        else:
            self._pgconn.send_query_params(statement.text, given, result_format=Format.BINARY)
        self._asked.append(True)

    def flush(self) -> None:
        """Let the server begin with what was sent, while more is got ready."""
        self._pgconn.flush()

    def back(self) -> list[PGresult]:
        """Wait for the answers to all that was sent, in order. Raises the first fault among them."""
        if not self._asked:
            return []
        return self._connection.wait(self._answers())

    def rows(self, answer: PGresult) -> list[Row]:
        """Every row of an answer."""
        loading = Transformer(self._connection)
        loading.set_pgresult(answer)
        return loading.load_rows(0, answer.ntuples, tuple)

    def _answers(self) -> PQGen[list[PGresult]]:
        asked, self._asked = self._asked, []
        answers: list[PGresult] = []
        fault: psycopg.Error | None = None
        try:
            self._pgconn.pipeline_sync()
            yield from send(self._pgconn)
            for is_statement in asked:
                answer = _only((yield from fetch_many(self._pgconn)))
                if answer.status == FAILED:  # those behind it are not carried out
                    fault = error_from_result(answer, encoding=self._connection.info.encoding)
                if is_statement:
                    answers.append(answer)
            _only((yield from fetch_many(self._pgconn)))  # the end of the pipeline
            self._pgconn.exit_pipeline_mode()
        except psycopg.OperationalError as lost:
            # What the server said before it hung up tells more.
            raise fault or lost from None
        if fault is not None:
            raise fault
        return answers


def _only(answers: list[PGresult]) -> PGresult:
    if not answers:
        raise psycopg.OperationalError("the connection was lost")
    return answers[0]


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
