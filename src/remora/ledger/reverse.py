"""Reversing: a correction is a new entry, which gives back to the lots, or takes from the lot, of the first."""

from __future__ import annotations

from remora.errors import AlreadyReversed, BalanceOutOfRange, NoSuchEntry, NotReversible, Shortfall
from remora.ledger.book import Book
from remora.ledger.commands import OnShortfall, Reverse
from remora.ledger.decided import Decided
from remora.ledger.settle import expire_dead
from remora.model import MAX_POINTS, Entry, LotChange, Reversible

REVERSIBLE = ("grant", "spend", "capture")


def reverse(book: Book, command: Reverse, target: Reversible | None) -> Decided:
    """Undo all that is left of an entry, or `points` of it."""
    # What was due is an entry from its time on, whether or not it was written before now.
    just_settled = book.written(command.seq)
    if target is None and just_settled is not None:
        target = Reversible(just_settled, ())
    if target is None:
        raise NoSuchEntry("the client has no such entry")
    entry = target.entry
    if entry.kind not in REVERSIBLE:
        raise NotReversible(f"an entry of kind {entry.kind} cannot be reversed; only {', '.join(REVERSIBLE)} can")
    left = _left(target)
    total = abs(sum(left.values()))
    points = total if command.points is None else command.points
    if total == 0 or points > total:
        raise AlreadyReversed(f"{total} points of the entry are left to reverse", available=total)
    if entry.kind == "grant":
        return _take_back(book, command, entry, points)
    return _give_back(book, command, left, points)


def _left(target: Reversible) -> dict[int, int]:
    """What is left to reverse of each lot, in the entry's own sign."""
    left = {change.lot_id: change.points for change in target.entry.lots}
    for change in target.reversed_lots:
        left[change.lot_id] += change.points
    return left


def _take_back(book: Book, command: Reverse, entry: Entry, points: int) -> Decided:
    """Take from the grant's own lot what no one has used, held or lost by expiry."""
    [change] = entry.lots
    lot = book.lots.get(change.lot_id)
    free = lot.free if lot else 0
    shortfall = max(0, points - free)
    if shortfall and (free == 0 or command.shortfall is not OnShortfall.TAKE_AVAILABLE):
        raise Shortfall(f"{free} of the {points} points are left to take back", available=free, shortfall=shortfall)
    assert lot is not None
    taken = points - shortfall
    book.change_lot(lot.lot_id, remaining=-taken)
    written = book.write(
        "reverse",
        -taken if lot.is_live(book.now) else 0,
        [LotChange(lot.lot_id, -taken)],
        reason=command.reason,
        metadata=command.metadata,
        refers_to=entry.seq,
    )
    return Decided(written, shortfall)


def _give_back(book: Book, command: Reverse, left: dict[int, int], points: int) -> Decided:
    """Give back to exactly the lots that were used, those that expire last first; what goes back to a
    lot that is dead expires at once.
    """
    if book.outstanding + points > MAX_POINTS:
        raise BalanceOutOfRange(f"the client holds {book.outstanding} points and may hold at most {MAX_POINTS}")
    back, wanted = [], points
    for lot in sorted((book.lots[lot_id] for lot_id in left), key=lambda lot: lot.turn, reverse=True):
        given = min(wanted, -left[lot.lot_id])
        if given:
            wanted -= given
            back.append(LotChange(lot.lot_id, given))
            book.change_lot(lot.lot_id, remaining=given)
    assert wanted == 0, "the lots of an entry that is to be reversed are loaded with it"
    written = book.write(
        "reverse", points, back, reason=command.reason, metadata=command.metadata, refers_to=command.seq
    )
    expire_dead(book, book.now)
    return Decided(written)
