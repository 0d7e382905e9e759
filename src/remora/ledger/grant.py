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
    now, points, start = book.now, command.points, command.active_from
    if start is None or start < now:
        start = now
    elif start > now + MAX_DELAY:
        raise InvalidField("activeFrom must be within 100 years")
    end = command.expires_at
    if end is None:
        end = expiry.expires_at(bot.expiry_policy, bot.time_zone, start)
    if end <= start:
        raise InvalidField("expiresAt must be later than now, and than activeFrom")
    if book.outstanding + points > MAX_POINTS:
        raise BalanceOutOfRange(f"the client holds {book.outstanding} points and may hold at most {MAX_POINTS}")
    lot_id = book.seq + 1
    book.add_lot(Lot(lot_id, points, points, 0, start, end))
    return book.write(
        "grant",
        points if start <= now else 0,
        (LotChange(lot_id, points),),
        reason=command.reason,
        metadata=command.metadata,
        active_from=start,
        expires_at=end,
    )
