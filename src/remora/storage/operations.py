"""Idempotency keys: what each was used for, and what was answered."""

from __future__ import annotations

from msgspec import Struct

from remora.storage.database import Transaction


class Operation(Struct, frozen=True):
    """`request_hash` is a SHA-256 of the request, `answer` what was answered, as bytes."""

    request_hash: bytes
    answer: bytes


def find(tx: Transaction, bot_id: str, key: str) -> Operation | None:
    row = tx.one("operation_find", bot_id=bot_id, key=key)
    return Operation(*row) if row else None


def add(tx: Transaction, bot_id: str, key: str, operation: Operation, now: int) -> None:
    tx.run(
        "operation_add",
        bot_id=bot_id,
        key=key,
        request_hash=operation.request_hash,
        answer=operation.answer,
        created_at=now,
    )
