"""Replaying a journal: the lots, holds and numbers that its entries lead to, and whatever in them does not agree."""

from __future__ import annotations

from msgspec.structs import replace

from remora.ledger.balance import next_due_at
from remora.ledger.chain import chain_hash
from remora.model import GENESIS, NEVER, OPEN, Account, Entry, Hold, Lot, LotChange


class Replay:
    """One client's ledger as its entries make it, from the first on."""

    def __init__(self, bot_id: str, client_id: str) -> None:
        self.bot_id, self.client_id = bot_id, client_id
        self.seq = 0
        self.available = 0
        self.head_hash = GENESIS
        self.at = 0
        self.recorded_at = 0
        self.lots: dict[int, Lot] = {}
        self.holds: dict[int, Hold] = {}

    def apply(self, entry: Entry) -> list[str]:
        """Take the next entry in; return what is wrong with it, in words."""
        problems = [*self._check(entry), *self._move(entry)]
        self.seq, self.available, self.head_hash = entry.seq, entry.available, entry.hash
        self.at, self.recorded_at = entry.at, entry.recorded_at
        return problems

    def open_holds(self) -> tuple[Hold, ...]:
        return tuple(hold for hold in self.holds.values() if hold.is_open)

    def account(self) -> Account:
        """The account that the entries so far come to, with every lot there ever was."""
        lots, holds = tuple(self.lots.values()), self.open_holds()
        return Account(
            self.bot_id,
            self.client_id,
            available=self.available,
            held=sum(lot.held for lot in lots),
            next_due_at=next_due_at(lots, holds, self.at),
            seq=self.seq,
            head_hash=self.head_hash,
            settled_at=self.at,
            lots=lots,
            holds=holds,
        )

    def _check(self, entry: Entry) -> list[str]:
        """What can be said of any kind of entry."""
        return [
            problem
            for problem, wrong in (
                (f"seq is {entry.seq} after {self.seq}", entry.seq != self.seq + 1),
                (
                    f"available is {entry.available}, but {self.available} {entry.points:+} before",
                    entry.available != self.available + entry.points,
                ),
                ("available is negative", entry.available < 0),
                ("it happened before the entry before it", entry.at < self.at),
                ("it was recorded before the entry before it", entry.recorded_at < self.recorded_at),
                ("it was recorded before it happened", entry.recorded_at < entry.at),
                (
                    "its hash is not that of its fields and the entry before it",
                    entry.hash != chain_hash(self.head_hash, self.bot_id, self.client_id, entry),
                ),
            )
            if wrong
        ]

    def _move(self, entry: Entry) -> list[str]:
        """Change lots and holds as the entry says; say where its points do not fit its allocations."""
        total = sum(change.points for change in entry.lots)
        expected, remaining, held = total, 1, 0
        match entry.kind:
            case "grant":
                remaining = 0
                expected = total if self._make_lot(entry) else 0
            case "start":
                remaining = 0
            case "hold":
                remaining, held = 0, -1
                self.holds[entry.seq] = Hold(entry.seq, -total, entry.expires_at or NEVER, OPEN, entry.lots)
            case "capture":
                held, expected = 1, 0
                self._end_hold(entry, "captured")
            case "release":
                remaining, held = 0, -1
                self._end_hold(entry, "released")
            case "timeout":
                remaining, held = 0, -1
                self._end_hold(entry, "timedOut")
            case "reverse":
                expected = 0 if self._is_pending(entry) else total
            case "spend" | "expire":
                pass
            case _:
                return [f"its kind is {entry.kind!r}, which there is not"]
        problems = [p for change in entry.lots for p in self._move_lot(change, remaining, held)]
        if entry.points != expected:
            problems.append(f"points is {entry.points}, but its allocations say {expected}")
        return problems

    def _make_lot(self, entry: Entry) -> bool:
        """Make the lot of a grant; say whether it lives at once."""
        start = entry.at if entry.active_from is None else entry.active_from
        points = sum(change.points for change in entry.lots)
        self.lots[entry.seq] = Lot(entry.seq, points, points, 0, start, entry.expires_at or NEVER)
        return start <= entry.at

    def _end_hold(self, entry: Entry, status: str) -> None:
        hold = self.holds.get(entry.refers_to or 0)
        if hold is not None and hold.is_open:
            self.holds[hold.hold_id] = replace(hold, status=status)

    def _is_pending(self, entry: Entry) -> bool:
        return all(
            (lot := self.lots.get(change.lot_id)) is not None and entry.at < lot.active_from for change in entry.lots
        )

    def _move_lot(self, change: LotChange, remaining: int, held: int) -> list[str]:
        lot = self.lots.get(change.lot_id)
        if lot is None:
            return [f"it touches lot {change.lot_id}, which there is not"]
        moved = replace(lot, remaining=lot.remaining + remaining * change.points, held=lot.held + held * change.points)
        self.lots[lot.lot_id] = moved
        if 0 <= moved.held <= moved.remaining <= moved.points:
            return []
        return [f"it leaves lot {lot.lot_id} with {moved.remaining} of {moved.points} points, {moved.held} held"]
