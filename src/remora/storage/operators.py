"""Rows of operators, and of the bots that they work for."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import asdict

from remora.model import Operator, Role
from remora.storage.database import Row, Transaction


class OperatorRow(Struct, frozen=True):
    """An operator with what only signing in needs. `epoch` counts how often they were signed out everywhere."""

    name: str
    role: Role
    password_hash: str
    disabled: bool
    epoch: int
    created_at: int

    def __repr__(self) -> str:
        return f"OperatorRow(name={self.name!r}, role={self.role!r}, disabled={self.disabled!r}, epoch={self.epoch!r})"


def find(tx: Transaction, name: str, *, lock: bool = False) -> OperatorRow | None:
    """One operator. `lock` keeps everyone else from changing them until the transaction ends."""
    row = tx.one("operator_lock" if lock else "operator_find", name=name)
    return _operator(row) if row else None


def every(tx: Transaction) -> list[OperatorRow]:
    return [_operator(row) for row in tx.all("operator_list")]


def add(tx: Transaction, row: OperatorRow) -> None:
    """Raises UniqueViolation if the name is taken."""
    tx.run("operator_add", **asdict(row))


def update(tx: Transaction, row: OperatorRow) -> None:
    values = asdict(row)
    del values["created_at"]
    tx.run("operator_update", **values)


def rehash(tx: Transaction, row: OperatorRow, fresh: str) -> None:
    """Keep the same password under another hash."""
    tx.run("operator_rehash", name=row.name, password_hash=row.password_hash, fresh=fresh)


def remove(tx: Transaction, name: str) -> None:
    tx.run("operator_remove", name=name)
    tx.run("operator_bots_clear", name=name)


def bots(tx: Transaction, name: str) -> frozenset[str]:
    """The bots that they work for; an admin, who works for all, has none here."""
    return frozenset(row[0] for row in tx.all("operator_bots_of", name=name))


def set_bots(tx: Transaction, name: str, bot_ids: Iterable[str]) -> None:
    tx.run("operator_bots_clear", name=name)
    for bot_id in sorted(set(bot_ids)):
        tx.run("operator_bot_add", name=name, bot=bot_id)


def shown(tx: Transaction, row: OperatorRow) -> Operator:
    """What may be shown of an operator."""
    return Operator(row.name, row.role, bots(tx, row.name), row.disabled, row.created_at)


def _operator(row: Row) -> OperatorRow:
    name, role, password_hash, disabled, epoch, created_at = row
    return OperatorRow(name, Role(role), password_hash, bool(disabled), epoch, created_at)
