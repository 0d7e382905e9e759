"""Settling: what came due by itself becomes entries, each dated at its own time, in the order
(time, kind, id): lots start, then holds time out, then what is free in dead lots expires.
"""

from __future__ import annotations

from remora.ledger.book import Book
from remora.model import Account, LotChange


def settled(account: Account, now: int) -> Book:
    """The account, whole, with everything that was due by `now` applied."""
    book = Book(account, now)
    settle(book)
    return book


def settle(book: Book) -> None:
    """Apply everything that is due by the book's `now`."""
    if book.settled_until == book.now:  # as mostly, and then nothing is due
        return
    while (due := book.next_due_at()) <= book.now:
        assert due > book.settled_until, "what was due at this instant has been applied"
        book.settled_until = due
        _start(book, due)
        _time_out(book, due)
        expire_dead(book, due)
    book.settled_until = book.now


def expire_dead(book: Book, at: int) -> None:
    """Expire what is free in lots that are dead at `at`. Held points do not expire under their hold."""
    for lot in book.dead(at):
        change = LotChange(lot.lot_id, -lot.free)
        book.change_lot(lot.lot_id, remaining=-lot.free)
        book.write("expire", change.points, [change], at=at)


def _start(book: Book, at: int) -> None:
    for lot in book.starting(at):
        book.write("start", lot.free, [LotChange(lot.lot_id, lot.free)], at=at)


def _time_out(book: Book, at: int) -> None:
    for hold in book.timing_out(at):
        back = [LotChange(change.lot_id, -change.points) for change in hold.lots]
        for change in back:
            book.change_lot(change.lot_id, held=-change.points)
        book.end_hold(hold, "timedOut")
        book.write("timeout", hold.points, back, at=at, refers_to=hold.hold_id)
