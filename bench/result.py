"""What was measured of a row, and the files that figures are kept in."""

from __future__ import annotations

import statistics
from enum import StrEnum
from pathlib import Path

import msgspec
from msgspec import Struct

from bench.machine import Machine
from bench.row import Row, Wanted


class Met(StrEnum):
    """Whether a ratio is what was wanted."""

    YES = "yes"
    NO = "no"
    NOT_RUN = "not run"
    NOT_ASKED = "—"


class Spread(Struct, frozen=True):
    """The least, the middle and the most of some figures."""

    low: float
    median: float
    high: float


def spread(figures: list[float]) -> Spread:
    return Spread(min(figures), statistics.median(figures), max(figures))


class Result(Struct, frozen=True):
    """The figures of a row's rounds, ours and theirs of the same round at the same place. `reason` says why there
    are none, and `failed` that it is nobody's lack but ours.
    """

    name: str
    work: str
    compared: str
    unit: str
    how: str
    wanted: Wanted | None
    ours: list[float] = []
    theirs: list[float] = []
    reason: str = ""
    failed: bool = False

    @property
    def measured(self) -> bool:
        return bool(self.ours)

    @property
    def ratio(self) -> Spread:
        """The ratio of the medians, with the least and the most that one round had."""
        rounds = [ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)]
        middle = statistics.median(self.ours) / statistics.median(self.theirs)
        return Spread(min(rounds), middle, max(rounds))

    @property
    def score(self) -> float | None:
        """How far the ratio goes beyond what is wanted: 1 is just enough."""
        return self.wanted.score(self.ratio.median) if self.wanted and self.measured else None

    @property
    def met(self) -> Met:
        if self.failed:
            return Met.NO
        if not self.measured:
            return Met.NOT_RUN
        if self.score is None:
            return Met.NOT_ASKED
        return Met.YES if self.score >= 1 else Met.NO


def of(row: Row, ours: list[float], theirs: list[float]) -> Result:
    return Result(row.name, row.work, row.compared, row.unit, row.how, row.wanted, ours, theirs)


def without(row: Row, reason: str, *, failed: bool) -> Result:
    """A row that has no figures."""
    return Result(row.name, row.work, row.compared, row.unit, row.how, row.wanted, reason=reason, failed=failed)


class Results(Struct, frozen=True):
    """A run: where and how it was made, and a result for each row."""

    machine: Machine
    date: str
    rounds: int
    seconds: int
    rows: list[Result]
    pieced: bool = False
    """Whether some rows are of an earlier run."""

    def over(self, older: Results | None, order: list[str]) -> Results:
        """These rows in place of the older ones of their names, all in the given order; those it does not name are
        dropped. Where and how is said of the newer run alone.
        """
        anew = {each.name for each in self.rows}
        known = {each.name: each for each in (*(older.rows if older else ()), *self.rows)}
        rows = [known[name] for name in order if name in known]
        pieced = self.pieced or any(each.name not in anew for each in rows)
        return msgspec.structs.replace(self, rows=rows, pieced=pieced)


def load(path: Path) -> Results | None:
    """The results kept there, if any."""
    return msgspec.json.decode(path.read_bytes(), type=Results) if path.exists() else None


def save(path: Path, results: Results) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results)) + b"\n")
