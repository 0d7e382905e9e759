"""An account while commands are decided on it: the lots and holds change together with the journal.

One book serves all the commands of a transaction. What a command costs does not depend on how many lots there are: the
sums, the order of use and the moments at which something comes due are kept up with each change. A command that is
refused half-way, or that was only tried, is undone.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any

from msgspec.structs import force_setattr, replace

from remora.ledger import turns
from remora.ledger.chain import chain_hash
from remora.ledger.turns import Turn
from remora.model import BY_THEMSELVES, NEVER, Account, Changes, Entry, Hold, Lot, LotChange

_lot_id = attrgetter("lot_id")


class MoreLots(Exception):
    """The command needs lots that were not loaded. Undone, they are to be added, and it is to be decided again."""


Mark = tuple[int, int, int]
"""A state of a book to come back to: how many changes and how many entries it had, and until when it was settled."""


class Book:
    """Working state: lots and holds by id, the sums over them, and the entries written so far.

    `available` is what is free in live lots, `held` what holds reserve, `outstanding` what the client holds in all,
    started or not. `operator` is the person who asks for what comes now, if it is one.
    """

    def __init__(self, account: Account, now: int) -> None:
        self.account = account
        self.now = now = max(account.settled_at, now)
        self.operator: str | None = None
        self.lots: dict[int, Lot] = {}
        self.holds: dict[int, Hold] = {}
        self.entries: list[Entry] = []
        self.seq = account.seq
        self.available = account.available
        self.held = account.held
        self.head_hash = account.head_hash
        # Where nothing comes due no lot has still to start, so every point is available or held.
        self.outstanding = account.available + account.held
        self.settled_until = now if now < account.next_due_at else account.next_due_at - 1
        self._loaded_until = account.loaded_until
        self._started_before = self.settled_until
        self._by_turn: list[Turn] = []
        self._starts: list[Turn] = []
        self._ends: list[Turn] = []
        self._before: list[Lot | Hold | int] = []
        """What each change has replaced, the latest last; of what is new its id."""
        # A grant needs none of them, and most orders are grants.
        if account.loaded_until is None or account.lots:
            self._open(account)

    def in_order(self) -> Iterator[Lot]:
        """The lots with free points in the order in which they are used: those that expire first, first. MoreLots
        where the next is not loaded. Not to be changed meanwhile.
        """
        for turn in self._by_turn:
            if self._loaded_until is not None and turn > self._loaded_until:
                break
            yield self.lots[turn[1]]
        if self._loaded_until is not None:
            raise MoreLots

    def dead(self, at: int) -> list[Lot]:
        """The lots that have expired by `at` with points that are free, in order of use."""
        return [self.lots[lot_id] for _, lot_id in self._by_turn[: bisect_right(self._by_turn, (at, NEVER))]]

    def starting(self, at: int) -> list[Lot]:
        """The lots with free points that start at `at`, oldest first."""
        return [self.lots[lot_id] for _, lot_id in turns.at(self._starts, at)]

    def timing_out(self, at: int) -> list[Hold]:
        """The open holds that time out at `at`, oldest first."""
        return [self.holds[hold_id] for _, hold_id in turns.at(self._ends, at)]

    def next_due_at(self) -> int:
        """The next instant after those that are settled at which a lot starts, a lot with free points expires or a
        hold times out; NEVER if none does.
        """
        due = self._by_turn[0][0] if self._by_turn else NEVER
        if self._ends:
            due = min(due, self._ends[0][0])
        if self._starts and (following := bisect_right(self._starts, (self.settled_until, NEVER))) < len(self._starts):
            due = min(due, self._starts[following][0])
        return due

    def add_lots(self, lots: Iterable[Lot]) -> None:
        """Add what was not loaded before: now every lot is there."""
        for lot in lots:
            if lot.lot_id not in self.lots:
                self.lots[lot.lot_id] = lot
                self._offer(lot)
        self._loaded_until = None

    def add_lot(self, lot: Lot) -> None:
        """Note a new lot."""
        self._before.append(lot.lot_id)
        self.outstanding += lot.remaining
        self.lots[lot.lot_id] = lot
        self._offer(lot)

    def change_lot(self, lot_id: int, *, remaining: int = 0, held: int = 0) -> None:
        """Add to a lot's counters."""
        lot = self.lots[lot_id]
        left, reserved = lot.remaining + remaining, lot.held + held
        assert 0 <= reserved <= left <= lot.points, (lot, remaining, held)
        changed = Lot(lot_id, lot.points, left, reserved, lot.active_from, lot.expires_at)
        self._before.append(lot)
        self.outstanding += remaining
        self.held += held
        self._put_lot(lot, changed)

    def add_hold(self, hold: Hold) -> None:
        """Note a new hold; its lots are the caller's to change."""
        # Its entry's number, which no lot has.
        self._before.append(hold.hold_id)
        self._put_hold(hold)

    def end_hold(self, hold: Hold, status: str) -> None:
        """Note that a hold has ended; its lots are the caller's to change."""
        self._before.append(hold)
        self._put_hold(replace(hold, status=status))

    def write(
        self,
        kind: str,
        points: int,
        lots: Sequence[LotChange],
        *,
        at: int | None = None,
        reason: str | None = None,
        metadata: dict[str, Any] | None = None,
        refers_to: int | None = None,
        active_from: int | None = None,
        expires_at: int | None = None,
    ) -> Entry:
        """Append an entry that changes `available` by `points`, dated now unless `at` says when."""
        account, now = self.account, self.now
        self.seq = seq = self.seq + 1
        self.available = available = self.available + points
        assert available >= 0, (kind, points, available)
        entry = Entry(
            seq,
            kind,
            points,
            available,
            now if at is None else at,
            now,
            tuple(sorted(lots, key=_lot_id)) if len(lots) > 1 else tuple(lots),
            reason,
            metadata,
            refers_to,
            active_from,
            expires_at,
            None if kind in BY_THEMSELVES else self.operator,
        )
        self.head_hash = chain_hash(self.head_hash, account.bot_id, account.client_id, entry)
        # Sealed in place, before anyone else has seen it: a second struct would cost as much as the hash.
        force_setattr(entry, "hash", self.head_hash)
        self.entries.append(entry)
        return entry

    def written(self, seq: int) -> Entry | None:
        """The entry with this number, if it was written in this book."""
        position = seq - self.account.seq - 1
        return self.entries[position] if 0 <= position < len(self.entries) else None

    def mark(self) -> Mark:
        """The present state, for `undo`."""
        return len(self._before), len(self.entries), self.settled_until

    def undo(self, mark: Mark) -> None:
        """Come back to a state."""
        changes, entries, self.settled_until = mark
        while len(self._before) > changes:
            match self._before.pop():
                case Lot() as lot:
                    undone = self.lots[lot.lot_id]
                    self._count(undone, -1)
                    self._count(lot, 1)
                    self._put_lot(undone, lot)
                case Hold() as hold:
                    self._put_hold(hold)
                case int() as new if new in self.lots:
                    lot = self.lots.pop(new)
                    self._count(lot, -1)
                    self._drop_lot(lot)
                case int() as new:
                    self._drop_hold(self.holds.pop(new))
        del self.entries[entries:]
        last = self.entries[-1] if entries else None
        self.seq = last.seq if last else self.account.seq
        self.available = last.available if last else self.account.available
        self.head_hash = last.hash if last else self.account.head_hash

    def numbers(self) -> Account:
        """The account's numbers, after all that was written."""
        account = self.account
        return Account(
            account.bot_id,
            account.client_id,
            self.available,
            self.held,
            self.next_due_at(),
            self.seq,
            self.head_hash,
            self.now if self.entries else account.settled_at,
        )

    def account_after(self) -> Account:
        """The account after all that was written. Lots that are used up, and holds that have ended, stay in it."""
        return replace(self.numbers(), lots=tuple(self.lots.values()), holds=tuple(self.holds.values()))

    def changes(self) -> Changes:
        """What is to be written to the store."""
        new_lots: dict[int, Lot] = {}
        changed_lots: dict[int, Lot] = {}
        holds: dict[int, Hold] = {}
        # What comes first says whether it is new: a lot that was made here may have been changed since.
        for before in self._before:
            if isinstance(before, int):
                if before in self.lots:
                    new_lots[before] = self.lots[before]
                else:
                    holds[before] = self.holds[before]
            elif isinstance(before, Lot):
                if before.lot_id not in new_lots:
                    changed_lots[before.lot_id] = self.lots[before.lot_id]
            else:
                holds[before.hold_id] = self.holds[before.hold_id]
        return Changes(
            self.numbers(),
            tuple(self.entries),
            tuple(new_lots.values()),
            tuple(changed_lots.values()),
            tuple(holds.values()),
        )

    def _open(self, account: Account) -> None:
        """Take in the lots and holds that were loaded."""
        if account.loaded_until is None:
            self.outstanding = sum([lot.remaining for lot in account.lots])
        self.lots = {lot.lot_id: lot for lot in account.lots}
        self.holds = {hold.hold_id: hold for hold in account.holds}
        free = [lot for lot in account.lots if lot.remaining > lot.held]
        self._by_turn = sorted([lot.turn for lot in free])
        before = self._started_before
        self._starts = sorted([(lot.active_from, lot.lot_id) for lot in free if lot.active_from > before])
        self._ends = sorted([(hold.expires_at, hold.hold_id) for hold in account.holds if hold.is_open])

    def _count(self, lot: Lot, times: int) -> None:
        """Add a lot to the sums, or take it out of them."""
        self.outstanding += times * lot.remaining
        self.held += times * lot.held

    def _put_lot(self, before: Lot, lot: Lot) -> None:
        self.lots[lot.lot_id] = lot
        if before.remaining == before.held:
            self._offer(lot)
        elif lot.remaining == lot.held:
            self._drop_lot(before)

    def _offer(self, lot: Lot) -> None:
        """From now on it has something to offer, if it has."""
        if lot.remaining == lot.held:
            return
        insort(self._by_turn, lot.turn)
        if lot.active_from > self._started_before:
            insort(self._starts, (lot.active_from, lot.lot_id))

    def _drop_lot(self, lot: Lot) -> None:
        """It has nothing to offer any more."""
        if lot.remaining > lot.held:
            turns.remove(self._by_turn, lot.turn)
            if lot.active_from > self._started_before:
                turns.remove(self._starts, (lot.active_from, lot.lot_id))

    def _put_hold(self, hold: Hold) -> None:
        before = self.holds.get(hold.hold_id)
        if before is not None:
            self._drop_hold(before)
        self.holds[hold.hold_id] = hold
        if hold.is_open:
            insort(self._ends, (hold.expires_at, hold.hold_id))

    def _drop_hold(self, hold: Hold) -> None:
        if hold.is_open:
            turns.remove(self._ends, (hold.expires_at, hold.hold_id))
