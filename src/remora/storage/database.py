"""The seam: what a store must do for us. Few verbs, and no method per query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

Row = tuple[Any, ...]

Names = tuple[str, ...]
"""What a statement calls the values of a row, in their order."""


Query = tuple[str, Mapping[str, object]]
"""The name of a statement that reads, and its values. `ids`, where it has them, are a tuple of texts: a list that the
statement looks its rows up by.
"""


class Reads(Protocol):
    """Whatever answers several queries at once: a database, or a transaction."""

    def together(self, *queries: Query) -> list[list[Row]]:
        """Return every row of each query: on a store that is far away, for one way there and back."""
        ...


class Transaction(Reads, Protocol):
    """Statements that see one snapshot, and are all kept or all undone.

    `query` is the name of a statement in `storage/queries`; values go by name.
    """

    def run(self, query: str, **values: object) -> int:
        """Run a statement and return how many rows it changed."""
        ...

    def run_many(self, query: str, bot_id: str, names: Names, rows: Sequence[Row]) -> None:
        """Write many rows of one bot: each the values that the statement calls by these names, in their order."""
        ...

    def one(self, query: str, **values: object) -> Row | None:
        """Return the first row, or None."""
        ...

    def all(self, query: str, **values: object) -> list[Row]:
        """Return every row."""
        ...

    def script(self, text: str) -> None:
        """Run the statements of a migration."""
        ...


Begun = tuple[Transaction, list[list[Row]]]
"""A transaction, and the rows of the queries that it began with."""


class PoolState(NamedTuple):
    """Connections now, and since the pool was opened how often none came in time, and how long all have waited."""

    most: int
    size: int
    available: int
    waiting: int
    timeouts: int
    waited_seconds: float


class Line(Protocol):
    """A connection of one's own that is asked and not waited for. Whoever has it watches its socket, calls `read` when
    there is something to read, and then `answers` until there are none.

    Where anything of it raises, it can only be closed: what was asked and is not answered has to be asked on another.
    """

    fileno: int
    """The socket's. It is not to be watched any more when the line is closed."""

    def ask(self, *queries: Query) -> None:
        """Ask as `together` does. Any number may be asked before the first is answered."""
        ...

    def flush(self) -> bool:
        """Send what was asked. False if not all of it can go now: it is to be called again, once the socket can be
        written to.
        """
        ...

    def read(self) -> None:
        """Take what has come. Raises if the connection is lost, also while nothing is asked."""
        ...

    def answers(self) -> list[list[Row]] | None:
        """Every row of each query that was asked first and is not answered yet, once they are all there; else None.
        Raises what is at fault with these queries, as `together` does.
        """
        ...

    def is_lost(self) -> bool:
        """Whether it was the connection that failed, rather than what was asked."""
        ...

    def close(self) -> None:
        """Let go of the connection. Waits for nobody."""
        ...


class Database(Reads, Protocol):
    """One store. `together` sees a snapshot for each query. Both transactions end when the block does: kept if it
    ends well, undone if it raises.

    A store that is away or too busy raises StoreUnavailable; a unique key that is taken raises
    `UniqueViolation`.
    """

    dialect: str
    """The folder of its migrations, and of the statements that are its own."""

    embedded: bool
    """Whether it answers in this process, in microseconds: then a read needs no thread to wait in."""

    def read(self) -> AbstractContextManager[Transaction]:
        """A snapshot to read from; it waits for no writer."""
        ...

    def write(self) -> AbstractContextManager[Transaction]:
        """A transaction that may write; what it wrote is on disk when the block has ended."""
        ...

    def write_after(self, *queries: Query) -> AbstractContextManager[Begun]:
        """As `write`. It begins with queries, every row of which it gives: on a store that is far away, for the same
        way there and back.
        """
        ...

    def line(self) -> Line | None:
        """Wait for a connection that then need not be waited for; None where the store is embedded."""
        ...

    def pool_state(self) -> PoolState | None:
        """How the pool of connections does; None where there is none. Asks nobody."""
        ...

    def close(self) -> None:
        """Let go of every connection."""
        ...


class UniqueViolation(Exception):
    """A row with this key is there already."""
