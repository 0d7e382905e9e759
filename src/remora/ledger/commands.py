"""The commands: what can be asked of a client's ledger. Points are whole, instants UTC microseconds."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct

DEFAULT_HOLD_SECONDS = 900
MAX_HOLD_SECONDS = 30 * 86_400

Metadata = dict[str, Any]


class OnShortfall(StrEnum):
    """What the reversal of a grant does if some of its points were used."""

    REFUSE = "refuse"
    TAKE_AVAILABLE = "takeAvailable"


class Grant(Struct, frozen=True, tag="grant"):
    """Give points. Without `expires_at` the bot's policy dates them, at the time of the decision."""

    points: int
    expires_at: int | None = None
    active_from: int | None = None
    reason: str | None = None
    metadata: Metadata | None = None


class Spend(Struct, frozen=True, tag="spend"):
    """Use points: of the lots that expire first, all or nothing."""

    points: int
    reason: str | None = None
    metadata: Metadata | None = None


class Hold(Struct, frozen=True, tag="hold"):
    """Reserve points until a capture or a release, or until the time is out."""

    points: int
    timeout_seconds: int = DEFAULT_HOLD_SECONDS
    reason: str | None = None
    metadata: Metadata | None = None


class Capture(Struct, frozen=True, tag="capture"):
    """Use what a hold reserves, or a part; the rest is released."""

    hold_id: int
    points: int | None = None


class Release(Struct, frozen=True, tag="release"):
    """End a hold, and use nothing."""

    hold_id: int


class Reverse(Struct, frozen=True, tag="reverse"):
    """Undo a grant, a spend or a capture, or a part of it; again and again until all of it is undone.

    Of a grant that was used in part it refuses, or takes what is left, as `shortfall` says.
    """

    seq: int
    points: int | None = None
    shortfall: OnShortfall = OnShortfall.REFUSE
    reason: str | None = None
    metadata: Metadata | None = None


Command = Grant | Spend | Hold | Capture | Release | Reverse
"""Any of them; the tag tells which, where one is written down."""
