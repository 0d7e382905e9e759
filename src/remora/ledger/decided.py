"""What a command comes to."""

from __future__ import annotations

from msgspec import Struct

from remora.model import Entry


class Decided(Struct, frozen=True):
    """The entry that the command itself made, and what a reversal could not take."""

    entry: Entry
    shortfall: int = 0
