"""One door to the rules: a book and a command in, an entry or a refusal out."""

from __future__ import annotations

from remora.errors import InvalidField, Refusal
from remora.ledger.book import Book, MoreLots
from remora.ledger.commands import (
    Capture,
    Command,
    Grant,
    Hold,
    Release,
    Reverse,
    Spend,
)
from remora.ledger.decided import Decided
from remora.ledger.ending import capture, release
from remora.ledger.grant import grant
from remora.ledger.reverse import reverse
from remora.ledger.settle import settle
from remora.ledger.spend import hold, spend
from remora.model import MAX_POINTS, Bot, Reversible


def decide(
    book: Book, command: Command, bot: Bot, target: Reversible | None = None, operator: str | None = None
) -> Decided:
    """Settle what is due, then carry out the command, or raise its Refusal; the book is as it was then.

    The book has the lots and the hold that the command names, whatever their state; `target` is the entry that a
    reversal names, if there is one; `operator` is who asks for it, if it is a person. MoreLots says that it
    has too few of the others.
    """
    _check(command)
    before, book.operator = book.mark(), operator
    try:
        settle(book)
        return _carried_out(book, command, bot, target)
    except (Refusal, MoreLots):
        book.undo(before)
        raise


def _carried_out(book: Book, command: Command, bot: Bot, target: Reversible | None) -> Decided:
    match command:
        case Grant():
            return Decided(grant(book, command, bot))
        case Spend():
            return Decided(spend(book, command))
        case Hold():
            return Decided(hold(book, command))
        case Capture():
            return Decided(capture(book, command))
        case Release():
            return Decided(release(book, command))
        case Reverse():
            return reverse(book, command, target)


def _check(command: Command) -> None:
    points = getattr(command, "points", None)  # a release has none
    if points is not None and not 1 <= points <= MAX_POINTS:
        raise InvalidField(f"points must be a whole number from 1 to {MAX_POINTS}")
