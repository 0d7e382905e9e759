"""What a client can spend at an instant, and when that next changes by itself."""

from __future__ import annotations

from collections.abc import Iterable

from remora.model import NEVER, Hold, Lot


def available_at(lots: Iterable[Lot], holds: Iterable[Hold], now: int) -> int:
    """Sum what is free in the lots that live at `now`, right whether or not anything was settled:
    what a hold that has timed out reserved counts as free again.
    """
    back: dict[int, int] = {}
    for hold in holds:
        if hold.expires_at <= now:
            for change in hold.lots:
                back[change.lot_id] = back.get(change.lot_id, 0) - change.points
    return sum(lot.free + back.get(lot.lot_id, 0) for lot in lots if lot.is_live(now))


def next_due_at(lots: Iterable[Lot], holds: Iterable[Hold], now: int) -> int:
    """The next instant after `now` at which a lot starts, a lot with free points expires or a hold times
    out; NEVER if none does.
    """
    due = NEVER
    for lot in lots:
        moment = lot.active_from if now < lot.active_from else lot.expires_at
        if now < moment < due and lot.free:
            due = moment
    return min([due, *(hold.expires_at for hold in holds)])
