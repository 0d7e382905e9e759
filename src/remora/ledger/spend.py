"""Spending and holding: both take points of the lots that expire first, all or nothing."""

from __future__ import annotations

from remora.errors import InsufficientPoints, InvalidField
from remora.ledger.book import Book
from remora.ledger.commands import MAX_HOLD_SECONDS, Hold, Spend
from remora.model import MICROSECONDS_PER_SECOND, OPEN, Entry, LotChange
from remora.model import Hold as HeldPoints


def spend(book: Book, command: Spend) -> Entry:
    """Use points, or raise InsufficientPoints, which says how many there are."""
    taken = _choose(book, command.points)
    for change in taken:
        book.change_lot(change.lot_id, remaining=change.points)
    return book.write("spend", -command.points, taken, reason=command.reason, metadata=command.metadata)


def hold(book: Book, command: Hold) -> Entry:
    """Reserve points, or raise InsufficientPoints. The hold is named by the entry that makes it."""
    if not 1 <= command.timeout_seconds <= MAX_HOLD_SECONDS:
        raise InvalidField(f"timeoutSeconds must be from 1 to {MAX_HOLD_SECONDS}")
    taken = _choose(book, command.points)
    for change in taken:
        book.change_lot(change.lot_id, held=-change.points)
    expires_at = book.now + command.timeout_seconds * MICROSECONDS_PER_SECOND
    entry = book.write(
        "hold", -command.points, taken, reason=command.reason, metadata=command.metadata, expires_at=expires_at
    )
    book.add_hold(HeldPoints(entry.seq, command.points, expires_at, OPEN, entry.lots))
    return entry


def _choose(book: Book, points: int) -> list[LotChange]:
    """Which lots the points come from, as what is taken of each: a negative number."""
    if points > book.available:
        raise InsufficientPoints(f"the client has {book.available} points", available=book.available)
    chosen, wanted, now = [], points, book.now
    for lot in book.in_order():
        if lot.is_live(now):
            free = lot.remaining - lot.held
            taken = min(wanted, free)
            chosen.append(LotChange(lot.lot_id, -taken))
            wanted -= taken
            if not wanted:
                break
    assert wanted == 0, "available is the sum of what is free in live lots"
    return chosen
