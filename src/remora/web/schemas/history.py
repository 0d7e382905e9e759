"""Explaining a balance: what the calls take and answer."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field

from remora import rfc3339
from remora.model import NEVER, Hold, Lot
from remora.service.history import Explanation
from remora.service.orders import entry_id
from remora.web.schemas.common import OneClient, Secret, Time
from remora.web.schemas.orders import EntryInfo

MAX_ENTRIES = 100
DEFAULT_ENTRIES = 50


class Kind(StrEnum):
    """A kind of entry."""

    GRANT = "grant"
    START = "start"
    SPEND = "spend"
    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"
    TIMEOUT = "timeout"
    EXPIRE = "expire"
    REVERSE = "reverse"


class HistoryRequest(OneClient, frozen=True, rename="camel", kw_only=True):
    """Whose journal, and which part of it."""

    secret: Secret
    limit: Annotated[int, Meta(ge=1, le=MAX_ENTRIES, description="At most so many entries.")] = DEFAULT_ENTRIES
    cursor: Annotated[str, Meta(max_length=19, description="The nextCursor of the page before.")] | UnsetType = UNSET
    kinds: Annotated[list[Kind], Meta(min_length=1, max_length=len(Kind))] | UnsetType = UNSET
    since: Time | UnsetType = field(name="from", default=UNSET)
    until: Time | UnsetType = field(name="to", default=UNSET)


class HistoryResponse(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """Entries, newest first. `nextCursor` is there if there are more."""

    success: bool
    message: str
    entries: list[EntryInfo]
    next_cursor: str | UnsetType = UNSET


class ExplainRequest(OneClient, frozen=True, rename="camel", kw_only=True):
    """Whose balance, and at which instant: now, unless `at` says another, past or future."""

    secret: Secret
    at: Time | UnsetType = UNSET


class LotState(StrEnum):
    """What has become of a lot: `pending` has still to start, `spent` was used up before its end."""

    PENDING = "pending"
    LIVE = "live"
    SPENT = "spent"
    EXPIRED = "expired"


class LotInfo(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A lot. `available` is what can be spent of it at the instant, `held` what holds reserve."""

    lot_id: str
    granted: int
    available: int
    held: int
    active_from: Time
    state: LotState
    expires_at: Annotated[Time, Meta(description="Left out if it never expires.")] | UnsetType = UNSET


class HoldInfo(Struct, frozen=True, rename="camel"):
    """A hold that is open at the instant."""

    hold_id: str
    points: int
    expires_at: Time


class NextExpiry(Struct, frozen=True, rename="camel"):
    """What expires next, if nothing is spent before."""

    at: Time
    points: int


class ExplainResponse(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A balance, explained: what the lots offer adds up to `available`, what they hold to `held`."""

    success: bool
    message: str
    available: int
    held: int
    lots: list[LotInfo]
    holds: list[HoldInfo]
    next_expiry: NextExpiry | UnsetType = UNSET


def explained(found: Explanation) -> ExplainResponse:
    """An explanation as the wire has it."""
    return ExplainResponse(
        success=True,
        message="Explain client points successfully",
        available=found.available,
        held=found.held,
        lots=[_lot(found, lot) for lot in found.lots],
        holds=[_hold(found, hold) for hold in found.holds],
        next_expiry=(
            UNSET
            if found.next_expiry_at is None
            else NextExpiry(rfc3339.render(found.next_expiry_at), found.next_expiry_points)
        ),
    )


def _lot(found: Explanation, lot: Lot) -> LotInfo:
    return LotInfo(
        lot_id=entry_id(found.client_id, lot.lot_id),
        granted=lot.points,
        available=lot.free if lot.is_live(found.at) else 0,
        held=lot.held,
        active_from=rfc3339.render(lot.active_from),
        state=_state(lot, found.at),
        expires_at=UNSET if lot.expires_at == NEVER else rfc3339.render(lot.expires_at),
    )


def _state(lot: Lot, at: int) -> LotState:
    if at >= lot.expires_at:
        return LotState.EXPIRED
    if lot.remaining == 0:
        return LotState.SPENT
    return LotState.LIVE if lot.is_live(at) else LotState.PENDING


def _hold(found: Explanation, hold: Hold) -> HoldInfo:
    return HoldInfo(entry_id(found.client_id, hold.hold_id), hold.points, rfc3339.render(hold.expires_at))
