"""What a client can spend at an instant, and when that next changes by itself."""

from __future__ import annotations

from collections.abc import Iterable

from remora.model import NEVER, Lot


def available_at(lots: Iterable[Lot], now: int) -> int:
    """Sum what is free in the lots that live at `now`: right whether or not anything was settled."""
    return sum(lot.free for lot in lots if lot.active_from <= now < lot.expires_at)


def next_due_at(lots: Iterable[Lot], now: int) -> int:
    """The next instant after `now` at which a lot with points starts or expires; NEVER if none does."""
    due = NEVER
    for lot in lots:
        if lot.remaining:
            if now < lot.active_from:
                due = min(due, lot.active_from)
            due = min(due, lot.expires_at)
    return due
