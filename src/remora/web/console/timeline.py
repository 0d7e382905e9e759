"""The picture of a client's lots: what will be left at each time to come, if nothing is spent.

Time runs ever faster to the right, so that the next hour and the next year both fit.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from msgspec import Struct

from remora.model import MICROSECONDS_PER_SECOND, NEVER, Lot
from remora.web.console.charts import WIDTHS, Label, Line, short, tick
from remora.web.console.formats import Zone

_LEFT, _RIGHT, _TOP, _HEIGHT, _FOOT = 52, 16, 12, 160, 26
_TICKS = 4
_HOUR = 3_600 * MICROSECONDS_PER_SECOND
_DAY = 24 * _HOUR
_MARKS = (_HOUR, 6 * _HOUR, _DAY, 7 * _DAY, 30 * _DAY, 90 * _DAY, 365 * _DAY, 3 * 365 * _DAY, 10 * 365 * _DAY)
_LEAST_SPAN = 7 * _DAY
_APART = 76
"""Names of times are at least so far apart."""


class Change(Struct, frozen=True):
    """At an instant so many points come or go, and so many are there then."""

    at: int
    points: int
    left: int


class Dot(Struct, frozen=True):
    """A change's place."""

    x: float
    y: float


class Drawing(Struct, frozen=True):
    """The picture in one width. `outline` and `area` are paths of SVG."""

    width: int
    height: int
    left: int
    outline: str
    area: str
    dots: list[Dot]
    lines: list[Line]
    labels: list[Label]

    @property
    def is_narrow(self) -> bool:
        return self.width == WIDTHS[-1]


class Timeline(Struct, frozen=True):
    """What is there now, every change to come that has a date, and the drawings of it."""

    now: int
    changes: list[Change]
    drawings: list[Drawing]


def of(lots: Sequence[Lot], now: int, zone: Zone) -> Timeline | None:
    """The picture of what is left in lots at `now`; None where nothing is."""
    steps: dict[int, int] = defaultdict(int)
    there = 0
    for lot in lots:
        if not lot.remaining or (lot.expires_at <= now and not lot.held):
            continue
        if lot.active_from > now:
            steps[lot.active_from] += lot.remaining
        else:
            there += lot.remaining
        if lot.expires_at != NEVER:
            steps[max(lot.expires_at, now)] -= lot.remaining
    if not there and not steps:
        return None
    changes, left = [], there
    for at in sorted(steps):
        left += steps[at]
        changes.append(Change(at, steps[at], left))
    return Timeline(there, changes, [_drawn(there, changes, now, zone, width) for width in WIDTHS])


def _drawn(there: int, changes: Sequence[Change], now: int, zone: Zone, width: int) -> Drawing:
    span = max(_LEAST_SPAN, int((changes[-1].at - now) * 1.3) if changes else 0)
    step = tick(max([there, *(change.left for change in changes)]))
    room = width - _LEFT - _RIGHT

    def x(at: int) -> float:
        return round(_LEFT + room * math.log1p((at - now) / _HOUR) / math.log1p(span / _HOUR), 1)

    def y(points: int) -> float:
        return round(_TOP + _HEIGHT - _HEIGHT * points / (step * _TICKS), 1)

    path = f"M{_LEFT} {y(there)}" + "".join(f"H{x(change.at)}V{y(change.left)}" for change in changes)
    path += f"H{width - _RIGHT}"
    floor = _TOP + _HEIGHT
    labels = []
    taken: float = _LEFT
    for mark in _MARKS:
        if mark < span and x(now + mark) - taken >= _APART and x(now + mark) < width - _RIGHT - 20:
            taken = x(now + mark)
            pattern = "%m-%d %H:%M" if mark < _DAY else "%Y-%m-%d"
            labels.append(Label(taken, floor + 18, zone.local(now + mark).strftime(pattern)))
    return Drawing(
        width=width,
        height=_TOP + _HEIGHT + _FOOT,
        left=_LEFT,
        outline=path,
        area=f"{path}V{floor}H{_LEFT}Z",
        dots=[Dot(x(change.at), y(change.left)) for change in changes],
        lines=[Line(y(step * nth), short(step * nth)) for nth in range(_TICKS + 1)],
        labels=labels,
    )
