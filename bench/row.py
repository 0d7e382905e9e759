"""A row of the benchmark: what is measured, beside what, and what the ratio is wanted to be."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from enum import StrEnum

from msgspec import Struct

from bench.ground import Ground


class Sign(StrEnum):
    """On which side of what is wanted a ratio is to be."""

    AT_LEAST = "≥"
    AT_MOST = "≤"


class Wanted(Struct, frozen=True):
    """What the ratio of the medians is to be."""

    sign: Sign
    ratio: float

    def __str__(self) -> str:
        return f"{self.sign} {self.ratio:g}"

    def score(self, ratio: float) -> float:
        """How far a ratio goes beyond what is wanted: 1 is just enough, 2 is twice as good, 0.5 half as good."""
        return ratio / self.ratio if self.sign is Sign.AT_LEAST else self.ratio / ratio


def at_least(ratio: float) -> Wanted:
    return Wanted(Sign.AT_LEAST, ratio)


def at_most(ratio: float) -> Wanted:
    return Wanted(Sign.AT_MOST, ratio)


class Pair(Struct, frozen=True):
    """What a round measures: a figure of ours, and one of what it is compared with, in the row's unit."""

    ours: Callable[[], float]
    theirs: Callable[[], float]


Measure = Callable[[Ground], AbstractContextManager[Pair]]
"""Sets up what a row needs, and takes it down again. It may raise NotRun and Failed."""


class Row(Struct, frozen=True):
    """`how` says in a sentence or two how it is measured. Without `wanted` it is told and not judged. `rounds` is
    given where the row has as many as it has, whatever the others have.
    """

    name: str
    work: str
    compared: str
    unit: str
    wanted: Wanted | None
    how: str
    measure: Measure
    rounds: int | None = None
