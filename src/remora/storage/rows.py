"""Whole rows, as they are copied from one store to another: nothing is decided or computed here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import asdict, astuple

from remora.model import GENESIS, NEVER, Credential
from remora.storage.accounts import ENTRY, ENTRY_LOT, HOLD, LOT, NUMBERS
from remora.storage.clients import CLIENT
from remora.storage.database import Row, Transaction
from remora.storage.operations import OPERATION
from remora.storage.parameters import array

GROUP_ENTRIES = 10_000
"""At most so many entries are in memory at a time, but for a client's that has more."""

Span = tuple[str, int, int]
"""An encoded client id, and the first and the last seq of a part of its journal."""


class ClientRow(Struct, frozen=True):
    """A client with the numbers of its ledger."""

    client_id: str
    platform: str
    platform_client_id: str
    available: int
    held: int
    next_due_at: int
    seq: int
    head_hash: bytes
    settled_at: int
    created_at: int


class OperationRow(Struct, frozen=True):
    """An idempotency key."""

    key: str
    request_hash: bytes
    answer: bytes
    created_at: int


def credentials(tx: Transaction, bot_id: str) -> list[Credential]:
    """All pairs of a bot, by token id."""
    return [Credential(bot_id, *row) for row in tx.all("credentials_of", bot_id=bot_id)]


def save_credentials(tx: Transaction, pairs: Iterable[Credential]) -> None:
    """Write pairs, those that are current no longer first: a bot has but one current pair."""
    for pair in sorted(pairs, key=lambda pair: pair.valid_until):
        tx.run("credential_save", **asdict(pair))


def clients(tx: Transaction, bot_id: str, after: str, most: int) -> list[ClientRow]:
    """At most `most` clients whose encoded ids come after `after`, in their order."""
    return [ClientRow(*row) for row in tx.all("client_rows", bot_id=bot_id, after=after, most=most)]


def add_clients(tx: Transaction, bot_id: str, rows: Collection[ClientRow]) -> None:
    made = [(row.client_id, row.platform, row.platform_client_id, NEVER, GENESIS, row.created_at) for row in rows]
    tx.run_many("client_add", bot_id, CLIENT, made)


def save_numbers(tx: Transaction, bot_id: str, rows: Collection[ClientRow]) -> None:
    numbers = [
        (row.client_id, row.available, row.held, row.next_due_at, row.seq, row.head_hash, row.settled_at)
        for row in rows
    ]
    tx.run_many("account_save", bot_id, NUMBERS, numbers)


def groups(page: Iterable[ClientRow]) -> Iterator[list[ClientRow]]:
    """The clients in groups whose journals, lots and holds fit into memory: one that has very many is alone."""
    group: list[ClientRow] = []
    room = GROUP_ENTRIES
    for row in page:
        if group and row.seq > room:
            yield group
            group, room = [], GROUP_ENTRIES
        group.append(row)
        room -= row.seq
    if group:
        yield group


def lots(tx: Transaction, bot_id: str, client_ids: Collection[str]) -> list[Row]:
    """All lots of these clients, by client and lot."""
    return tx.all("lots_listed", bot_id=bot_id, ids=array(client_ids))


def save_lots(tx: Transaction, bot_id: str, rows: Sequence[Row]) -> None:
    tx.run_many("lot_save", bot_id, LOT, rows)


def holds(tx: Transaction, bot_id: str, client_ids: Collection[str]) -> list[Row]:
    """All holds of these clients, by client and hold."""
    return tx.all("holds_listed", bot_id=bot_id, ids=array(client_ids))


def save_holds(tx: Transaction, bot_id: str, rows: Sequence[Row]) -> None:
    tx.run_many("hold_save", bot_id, HOLD, rows)


def entries(tx: Transaction, bot_id: str, spans: Collection[Span]) -> list[Row]:
    """The entries in these spans, by client and seq. A row begins with both and ends with its hash."""
    return tx.all("entries_spanned", bot_id=bot_id, spans=array(spans))


def add_entries(tx: Transaction, bot_id: str, rows: Sequence[Row]) -> None:
    tx.run_many("entry_add", bot_id, ENTRY, rows)


def entry_lots(tx: Transaction, bot_id: str, spans: Collection[Span]) -> list[Row]:
    """The allocations of the entries in these spans, also those that the lots of grants say. A row begins with client
    and seq.
    """
    return tx.all("entry_lots_spanned", bot_id=bot_id, spans=array(spans))


def add_entry_lots(tx: Transaction, bot_id: str, rows: Sequence[Row]) -> None:
    """Add allocations but for those of grants, which come with their lots."""
    tx.run_many("entry_lot_add", bot_id, ENTRY_LOT, [row for row in rows if row[1] != row[2]])


def operations(tx: Transaction, bot_id: str, after: str, most: int) -> list[OperationRow]:
    """At most `most` keys that come after `after`, in their order."""
    return [OperationRow(*row) for row in tx.all("operations_page", bot_id=bot_id, after=after, most=most)]


def add_operations(tx: Transaction, bot_id: str, rows: Iterable[OperationRow]) -> None:
    tx.run_many("operation_add", bot_id, OPERATION, [astuple(row) for row in rows])


def drop_operations(tx: Transaction, bot_id: str, keys: Iterable[str]) -> None:
    for key in keys:
        tx.run("operation_drop", bot_id=bot_id, key=key)


def count_operations(tx: Transaction, bot_id: str) -> int:
    [row] = tx.all("operations_count", bot_id=bot_id)
    number: int = row[0]
    return number
