"""Granting: new points become a lot."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from remora.errors import BalanceOutOfRange, InvalidField
from remora.ledger.balance import next_due_at
from remora.ledger.journal import append
from remora.ledger.settle import settle
from remora.model import MAX_POINTS, NEVER, Account, Decision, Lot, LotChange


class Grant(Struct, frozen=True):
    """A command: give `points` (1 to 2^53 - 1) that expire at `expires_at`, UTC microseconds."""

    points: int
    expires_at: int = NEVER
    reason: str | None = None
    metadata: dict[str, Any] | None = None


def grant(account: Account, command: Grant, now: int) -> Decision:
    """Settle, then make one lot, named by the entry that makes it.

    Refuses points or a date out of bounds (InvalidField) and a balance past the largest (BalanceOutOfRange).
    """
    if not 1 <= command.points <= MAX_POINTS:
        raise InvalidField(f"points must be a whole number from 1 to {MAX_POINTS}")
    if command.expires_at <= now:
        raise InvalidField("expiresAt must be later than now")
    settled = settle(account, now)
    outstanding = sum(lot.remaining for lot in settled.account.lots)
    if outstanding + command.points > MAX_POINTS:
        raise BalanceOutOfRange(f"the client holds {outstanding} points and may hold at most {MAX_POINTS}")
    lot = Lot(
        lot_id=settled.account.seq + 1,
        points=command.points,
        remaining=command.points,
        held=0,
        active_from=now,
        expires_at=command.expires_at,
    )
    written = append(
        settled,
        kind="grant",
        points=command.points,
        at=now,
        recorded_at=now,
        lots=(LotChange(lot.lot_id, lot.points),),
        reason=command.reason,
        metadata=command.metadata,
    )
    lots = (*written.account.lots, lot)
    account = replace(written.account, lots=lots, next_due_at=next_due_at(lots, now))
    return replace(written, account=account)
