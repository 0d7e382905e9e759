"""The rules beside the naive ledger: one script of moves, asked of both, and every answer compared."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from remora.errors import LedgerRefusal, Refusal
from remora.ledger import balance
from remora.ledger.book import Book
from remora.ledger.decide import decide
from remora.ledger.settle import settled
from remora.model import OPEN, Account, Bot, Changes, Entry, Hold, Lot, LotChange, Reversible
from tests.cast import SECOND, START
from tests.moves import aim, command
from tests.oracle import Answer, Move, Oracle, Past

BOT = Bot("bot", "Shop", api_enabled=True, overlap_minutes=0, expiry_policy="none", time_zone="UTC", created_at=0)
LOOKS = (0, 1, SECOND)


class Store:
    """Keeps one account the way a database does: what is used up or ended comes back only if it is named."""

    def __init__(self) -> None:
        self.numbers = Account("bot", "client")
        self.lots: dict[int, Lot] = {}
        self.holds: dict[int, Hold] = {}
        self.entries: list[Entry] = []

    def load(self, hold_id: int = 0, entry_seq: int = 0) -> Account:
        """The account, its rows in another order than they were written in."""
        entry = self.entry(entry_seq)
        named = {change.lot_id for change in entry.lots} if entry else set()
        lots = [lot for lot in self.lots.values() if lot.remaining or lot.lot_id in named]
        holds = [hold for hold in self.holds.values() if hold.status == OPEN or hold.hold_id == hold_id]
        return replace(self.numbers, lots=tuple(reversed(lots)), holds=tuple(reversed(holds)))

    def entry(self, seq: int) -> Entry | None:
        return self.entries[seq - 1] if 1 <= seq <= len(self.entries) else None

    def target(self, seq: int) -> Reversible | None:
        entry = self.entry(seq)
        if entry is None:
            return None
        back: dict[int, int] = {}
        for each in self.entries:
            if each.kind == "reverse" and each.refers_to == seq:
                for change in each.lots:
                    back[change.lot_id] = back.get(change.lot_id, 0) + change.points
        return Reversible(entry, tuple(LotChange(*each) for each in back.items()))

    def save(self, changes: Changes) -> None:
        self.entries += changes.entries
        self.lots |= {lot.lot_id: lot for lot in (*changes.new_lots, *changes.changed_lots)}
        self.holds |= {hold.hold_id: hold for hold in changes.holds}
        self.numbers = changes.account

    def ask(self, now: int, move: Move) -> Answer:
        ends = move.kind in ("capture", "release")
        book = Book(self.load(move.target if ends else 0, 0 if ends else move.target), now)
        try:
            decided = decide(book, command(move), BOT, self.target(move.target))
        except Refusal as refusal:
            assert book.changes() == Book(book.account, now).changes(), "what was refused has left something behind"
            return refused(refusal)
        self.save(book.changes())
        return answered(decided.entry, book.available, decided.shortfall)

    def available(self, now: int) -> int:
        """What a reader answers: before the due time the stored number, from then on what it computes."""
        account = self.load()
        if now < account.next_due_at:
            return account.available
        return balance.available_at(account.lots, account.holds, now)


def refused(refusal: Refusal) -> Answer:
    figures = refusal if isinstance(refusal, LedgerRefusal) else None
    return Answer(
        type(refusal).__name__,
        None,
        figures.available if figures else None,
        figures.shortfall if figures else None,
    )


def answered(entry: Entry, available: int, shortfall: int) -> Answer:
    return Answer(None, (entry.seq, entry.kind, entry.points), available, shortfall)


def same(actual: object, expected: object) -> None:
    if actual != expected:
        raise AssertionError(f"the ledger says {actual}, and the naive one {expected}")


def agree(script: Sequence[Move | int]) -> None:
    """Raise AssertionError if the rules and the naive ledger ever differ."""
    store, oracle, now = Store(), Oracle(), START
    for step in script:
        if isinstance(step, int):
            now += step
        else:
            move = aim(step, now, oracle.at(oracle.written_until))
            same(store.ask(now, move), oracle.ask(now, move))
        past = oracle.now(now)
        for wait in LOOKS:
            past.wait(max(now + wait, past.time))
            same(store.available(past.time), past.available)
            _same_ledger(store, settled(store.load(), past.time), past)


def _same_ledger(store: Store, book: Book, past: Past) -> None:
    account = book.account_after()
    same((account.available, account.held), (past.available, past.held))
    same(account.next_due_at > past.time, expected=True)
    lots = store.lots | {lot.lot_id: lot for lot in account.lots}
    same(
        {lot_id: (lot.free, lot.held) for lot_id, lot in lots.items()},
        {lot_id: (lot.free, lot.held) for lot_id, lot in past.lots.items()},
    )
    lines = [(entry.kind, entry.points, entry.at) for entry in (*store.entries, *book.entries)]
    same(lines, [(line.kind, line.points, line.at) for line in past.lines])
