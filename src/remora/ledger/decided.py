"""What a command comes to."""

from __future__ import annotations

from typing import NamedTuple

from remora.model import Entry


class Decided(NamedTuple):
    """The entry that the command itself made, and what a reversal could not take."""

    entry: Entry
    shortfall: int = 0
