"""Instants in their order, each with the lot or hold for which something comes then."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from remora.model import NEVER

Turn = tuple[int, int]
"""An instant, and the id of the lot or hold for which something comes then."""


def at(turns: Sequence[Turn], instant: int) -> Sequence[Turn]:
    """Those that come at an instant, by their ids."""
    return turns[bisect_left(turns, (instant, 0)) : bisect_right(turns, (instant, NEVER))]


def remove(turns: list[Turn], turn: Turn) -> None:
    """Take one out that is there."""
    position = bisect_left(turns, turn)
    assert turns[position] == turn
    del turns[position]
