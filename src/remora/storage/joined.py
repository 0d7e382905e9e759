"""A database as it is seen from inside one of its transactions: whatever is written joins that one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from remora.errors import StoreUnavailable
from remora.storage.database import Database, Query, Row, Transaction, UniqueViolation


class Joined:
    """See `Database`. For a verb that brings its own transaction, where what it does has to be kept or undone with
    more.
    """

    def __init__(self, database: Database, tx: Transaction) -> None:
        self.dialect = database.dialect
        self.embedded = database.embedded
        self._tx = tx

    def together(self, *queries: Query) -> list[list[Row]]:
        return self._tx.together(*queries)

    def read(self) -> AbstractContextManager[Transaction]:
        return nullcontext(self._tx)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        try:
            yield self._tx
        except UniqueViolation as taken:
            # Nobody may begin anew inside: what was written before the fault is only undone with the whole.
            raise StoreUnavailable("another process was quicker with a key; nothing was done, run it again") from taken

    @contextmanager
    def write_after(self, *queries: Query) -> Iterator[tuple[Transaction, list[list[Row]]]]:
        with self.write() as tx:
            yield tx, tx.together(*queries)

    def line(self) -> None:
        """Nothing would join the transaction there."""

    def pool_state(self) -> None:
        """It has no connection of its own."""

    def close(self) -> None:
        """The transaction is its owner's to end."""
