"""An account while commands are decided on it: the lots and holds change together with the journal.

The account that comes in is never changed; `close` hands out a new one with the entries that lead to it. So a command
that is refused half-way, or a dry run, leaves nothing behind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from remora.ledger.balance import next_due_at
from remora.model import BY_THEMSELVES, OPEN, Account, Decision, Entry, Hold, Lot, LotChange

# Deterministic order: metadata reads the same from any store, whatever order its keys come back in.
_canonical = msgspec.json.Encoder(order="deterministic")


class Book:
    """Working state: lots and open holds by id, and the entries written so far, by `operator` where it is a person's
    doing.
    """

    def __init__(self, account: Account, now: int, operator: str | None = None) -> None:
        self.account = account
        self.now = max(now, account.settled_at)
        self.operator = operator
        self.lots = {lot.lot_id: lot for lot in account.lots}
        self.holds = {hold.hold_id: hold for hold in account.holds}
        self.entries: list[Entry] = []
        self.seq = account.seq
        self.available = account.available
        self.head_hash = account.head_hash

    def in_order(self) -> list[Lot]:
        """The lots in the order in which they are used: those that expire first, first."""
        return sorted(self.lots.values(), key=lambda lot: (lot.expires_at, lot.lot_id))

    def open_holds(self) -> list[Hold]:
        """The holds that still reserve points, oldest first."""
        return sorted((hold for hold in self.holds.values() if hold.status == OPEN), key=lambda hold: hold.hold_id)

    def end_hold(self, hold: Hold, status: str) -> None:
        """Note that a hold has ended; its lots are the caller's to change."""
        self.holds[hold.hold_id] = replace(hold, status=status)

    def change_lot(self, lot_id: int, *, remaining: int = 0, held: int = 0) -> None:
        """Add to a lot's counters."""
        lot = self.lots[lot_id]
        changed = replace(lot, remaining=lot.remaining + remaining, held=lot.held + held)
        assert 0 <= changed.held <= changed.remaining <= changed.points, changed
        self.lots[lot_id] = changed

    def write(
        self,
        kind: str,
        points: int,
        lots: Iterable[LotChange],
        *,
        at: int | None = None,
        reason: str | None = None,
        metadata: dict[str, Any] | None = None,
        refers_to: int | None = None,
        active_from: int | None = None,
        expires_at: int | None = None,
    ) -> Entry:
        """Append an entry that changes `available` by `points`, dated now unless `at` says when."""
        unsealed = Entry(
            seq=self.seq + 1,
            kind=kind,
            points=points,
            available=self.available + points,
            at=self.now if at is None else at,
            recorded_at=self.now,
            lots=tuple(sorted(lots, key=lambda change: change.lot_id)),
            reason=reason,
            metadata=metadata,
            refers_to=refers_to,
            active_from=active_from,
            expires_at=expires_at,
            operator=None if kind in BY_THEMSELVES else self.operator,
        )
        assert unsealed.available >= 0, unsealed
        entry = replace(
            unsealed, hash=chain_hash(self.head_hash, self.account.bot_id, self.account.client_id, unsealed)
        )
        self.entries.append(entry)
        self.seq, self.available, self.head_hash = entry.seq, entry.available, entry.hash
        return entry

    def close(self, answer: Entry | None = None, shortfall: int = 0) -> Decision:
        """The account after all that was written. Lots that are used up stay in it until it is saved."""
        lots = tuple(self.lots.values())
        account = replace(
            self.account,
            available=self.available,
            held=sum(lot.held for lot in lots),
            next_due_at=next_due_at(lots, self.open_holds(), self.now),
            seq=self.seq,
            head_hash=self.head_hash,
            settled_at=self.now if self.entries else self.account.settled_at,
            lots=lots,
            holds=tuple(self.holds.values()),
        )
        return Decision(account, tuple(self.entries), answer, shortfall)


def chain_hash(previous: bytes, bot_id: str, client_id: str, entry: Entry) -> bytes:
    """SHA-256 over the hash before and every field of the entry but its own hash, in a fixed order. Without an operator
    it is what it was before there were any.
    """
    fields: tuple[object, ...] = (
        bot_id,
        client_id,
        entry.seq,
        entry.kind,
        entry.points,
        entry.available,
        entry.at,
        entry.recorded_at,
        [(change.lot_id, change.points) for change in entry.lots],
        entry.reason,
        entry.metadata,
        entry.refers_to,
        entry.active_from,
        entry.expires_at,
    )
    if entry.operator is not None:
        fields += (entry.operator,)
    return hashlib.sha256(previous + _canonical.encode(fields)).digest()
