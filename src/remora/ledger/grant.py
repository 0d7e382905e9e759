"""Granting: new points become a lot."""

from __future__ import annotations

from remora.errors import BalanceOutOfRange, InvalidField
from remora.ledger import expiry
from remora.ledger.book import Book
from remora.ledger.commands import Grant
from remora.model import MAX_POINTS, MICROSECONDS_PER_SECOND, Bot, Entry, Lot, LotChange

MAX_DELAY = 36_525 * 86_400 * MICROSECONDS_PER_SECOND


def grant(book: Book, command: Grant, bot: Bot) -> Entry:
    """Make one lot, named by the entry that makes it. One that starts later counts from its start."""
    start = max(book.now, command.active_from or book.now)
    if start > book.now + MAX_DELAY:
        raise InvalidField("activeFrom must be within 100 years")
    end = command.expires_at
    if end is None:
        end = expiry.expires_at(bot.expiry_policy, bot.time_zone, start)
    if end <= start:
        raise InvalidField("expiresAt must be later than now, and than activeFrom")
    if book.outstanding + command.points > MAX_POINTS:
        raise BalanceOutOfRange(f"the client holds {book.outstanding} points and may hold at most {MAX_POINTS}")
    lot = Lot(
        lot_id=book.seq + 1,
        points=command.points,
        remaining=command.points,
        held=0,
        active_from=start,
        expires_at=end,
    )
    book.add_lot(lot)
    return book.write(
        "grant",
        command.points if start <= book.now else 0,
        [LotChange(lot.lot_id, lot.points)],
        reason=command.reason,
        metadata=command.metadata,
        active_from=start,
        expires_at=end,
    )
