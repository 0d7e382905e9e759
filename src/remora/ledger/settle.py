"""Settling: what came due by itself becomes entries, each dated at its own time."""

from __future__ import annotations

from msgspec.structs import replace

from remora.ledger.balance import next_due_at
from remora.ledger.journal import append
from remora.model import Account, Decision, Lot, LotChange


def settle(account: Account, now: int) -> Decision:
    """Expire every lot due by `now`, in the order (expires_at, lot_id)."""
    decision = Decision(account)
    if now < account.next_due_at:
        return decision
    due = [lot for lot in account.lots if lot.remaining and lot.expires_at <= now]
    for lot in sorted(due, key=lambda lot: (lot.expires_at, lot.lot_id)):
        decision = _expire(decision, lot, now)
    lots = decision.account.lots
    return replace(decision, account=replace(decision.account, next_due_at=next_due_at(lots, now)))


def _expire(decision: Decision, lot: Lot, now: int) -> Decision:
    written = append(
        decision,
        kind="expire",
        points=-lot.remaining,
        at=lot.expires_at,
        recorded_at=now,
        lots=(LotChange(lot.lot_id, -lot.remaining),),
    )
    emptied = replace(lot, remaining=0)
    lots = tuple(emptied if each is lot else each for each in written.account.lots)
    return replace(written, account=replace(written.account, lots=lots))
