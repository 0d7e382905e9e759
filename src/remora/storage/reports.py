"""Sums over a bot's rows, for reports: by quarter of an hour, of which every time zone's days and months are made."""

from __future__ import annotations

from remora.storage.database import Transaction

QUARTER = 900_000_000
"""Microseconds."""

Moved = tuple[int, str, bool, int]
"""In which quarter of an hour, the kind of entry, whether points came or went, and how many."""


def moved(tx: Transaction, bot_id: str, since: int, until: int) -> list[Moved]:
    """What the entries that were recorded in a span of time did with points; each by the time when it happened."""
    rows = tx.all("report_moved", bot_id=bot_id, since=since, until=until)
    return [(quarter, kind, bool(came), points) for quarter, kind, came, points in rows]


def outstanding(tx: Transaction, bot_id: str, now: int) -> dict[int, int]:
    """The points that are left in lots which expire after `now`, by the quarter of an hour in which they do."""
    return dict(tx.all("report_outstanding", bot_id=bot_id, now=now))
