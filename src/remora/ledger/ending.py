"""Ending a hold: by using what it reserves, or by letting it go."""

from __future__ import annotations

from collections.abc import Sequence

from remora.errors import HoldEnded, InsufficientPoints, NoSuchHold
from remora.ledger.book import Book
from remora.ledger.commands import Capture, Release
from remora.ledger.settle import expire_dead
from remora.model import OPEN, Entry, Hold, LotChange


def capture(book: Book, command: Capture) -> Entry:
    """Use all that a hold reserves, or the part that expires first; what is left is released.

    `available` does not change by it: that was the hold's doing. A point that was held in time can be
    captured though its lot has expired since.
    """
    hold = _open_hold(book, command.hold_id)
    points = hold.points if command.points is None else command.points
    if points > hold.points:
        raise InsufficientPoints(f"the hold has {hold.points} points", available=hold.points)
    used, rest = _split(book, hold, points)
    for change in used:
        book.change_lot(change.lot_id, remaining=change.points, held=change.points)
    book.end_hold(hold, "captured")
    entry = book.write("capture", 0, used, refers_to=hold.hold_id)
    if rest:
        _let_go(book, hold, rest)
    return entry


def release(book: Book, command: Release) -> Entry:
    """Give back what a hold reserves. What goes back to a lot that is dead expires at once."""
    hold = _open_hold(book, command.hold_id)
    book.end_hold(hold, "released")
    return _let_go(book, hold, hold.lots)


def _open_hold(book: Book, hold_id: int) -> Hold:
    hold = book.holds.get(hold_id)
    if hold is None:
        raise NoSuchHold("the client has no such hold")
    if hold.status != OPEN:
        ended = {"captured": "was captured", "released": "was released", "timedOut": "has timed out"}[hold.status]
        raise HoldEnded(f"the hold {ended}")
    return hold


def _split(book: Book, hold: Hold, points: int) -> tuple[list[LotChange], list[LotChange]]:
    """Part what a hold reserves into what is used, of the lots that expire first, and the rest."""
    used, rest, wanted = [], [], points
    for change in sorted(hold.lots, key=lambda change: book.lots[change.lot_id].turn):
        taken = min(wanted, -change.points)
        wanted -= taken
        if taken:
            used.append(LotChange(change.lot_id, -taken))
        if taken < -change.points:
            rest.append(LotChange(change.lot_id, change.points + taken))
    return used, rest


def _let_go(book: Book, hold: Hold, held: Sequence[LotChange]) -> Entry:
    """Give back what was held of some lots; what goes back to a dead one expires at once."""
    back = [LotChange(change.lot_id, -change.points) for change in held]
    for change in back:
        book.change_lot(change.lot_id, held=-change.points)
    entry = book.write("release", sum(change.points for change in back), back, refers_to=hold.hold_id)
    expire_dead(book, book.now)
    return entry
