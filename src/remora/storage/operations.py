"""Idempotency keys: what each was used for, and what came of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from msgspec import Struct

from remora.storage.database import Row, Transaction
from remora.storage.parameters import array

OPERATION = ("key", "request_hash", "answer", "created_at")


class Operation(Struct, frozen=True):
    """`request_hash` is a SHA-256 of the request, `answer` what is kept of what came of it, as bytes."""

    request_hash: bytes
    answer: bytes


def find(tx: Transaction, bot_id: str, keys: Collection[str]) -> dict[str, Operation]:
    """Those of the keys that were used."""
    if not keys:
        return {}
    return of_rows(tx.all("operations_find", bot_id=bot_id, keys=array(keys)))


def of_rows(rows: Iterable[Row]) -> dict[str, Operation]:
    """The operations of rows of `operations_find`, by key."""
    return {key: Operation(request_hash, answer) for key, request_hash, answer in rows}


def add(tx: Transaction, bot_id: str, operations: Mapping[str, Operation], now: int) -> None:
    """Raises UniqueViolation if another transaction has kept one of the keys meanwhile."""
    rows = [(key, kept.request_hash, kept.answer, now) for key, kept in sorted(operations.items())]
    tx.run_many("operation_add", bot_id, OPERATION, rows)


def clear(tx: Transaction, bot_id: str, before: int, most: int) -> int:
    """Forget at most `most` keys that were used before an instant; return how many."""
    return tx.run("operations_clear", bot_id=bot_id, before=before, most=most)


def count_old(tx: Transaction, bot_id: str, before: int) -> int:
    [row] = tx.all("operations_old_count", bot_id=bot_id, before=before)
    number: int = row[0]
    return number
