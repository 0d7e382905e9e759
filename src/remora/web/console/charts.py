"""Charts as numbers: where each bar is and how long, for the templates to draw. Two widths of each, so that the letters
are of one size on a phone and on a wide screen.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

WIDTHS = (720, 340)

_LEFT, _RIGHT, _TOP, _HEIGHT, _FOOT = 52, 12, 10, 220, 26
_ROW, _LABEL = 28, 84
_TICKS = 4
_NARROW = 500


class Bar(Struct, frozen=True):
    """A rectangle; `series` is a class of the style sheet."""

    x: float
    y: float
    width: float
    height: float
    series: str


class Label(Struct, frozen=True):
    """A text at a place."""

    x: float
    y: float
    text: str


class Line(Struct, frozen=True):
    """A line across, at a height."""

    y: float
    label: str


class Chart(Struct, frozen=True):
    """A chart of one width."""

    width: int
    height: int
    left: float
    bars: list[Bar]
    lines: list[Line]
    labels: list[Label]
    values: list[Label]

    @property
    def is_narrow(self) -> bool:
        return self.width < _NARROW


def columns(names: Sequence[str], series: Sequence[tuple[str, Sequence[int]]], width: int) -> Chart:
    """A group of upright bars for each name, one bar for each series; no value is below zero."""
    step = tick(max((value for _, values in series for value in values), default=0))
    top = step * _TICKS
    group = (width - _LEFT - _RIGHT) / max(1, len(names))
    thick = max(1.5, group * 0.72 / len(series))
    bars = [
        Bar(
            round(_LEFT + group * place + group * 0.14 + thick * nth, 1),
            round(_TOP + _HEIGHT - _HEIGHT * value / top, 1),
            round(thick, 1),
            round(_HEIGHT * value / top, 1),
            name,
        )
        for nth, (name, values) in enumerate(series)
        for place, value in enumerate(values)
        if value
    ]
    every = 5 if width > _NARROW else 10
    labels = [
        Label(round(_LEFT + group * (place + 0.5), 1), _TOP + _HEIGHT + 18, name)
        for place, name in enumerate(names)
        if (len(names) - 1 - place) % every == 0
    ]
    lines = [Line(round(_TOP + _HEIGHT - _HEIGHT * nth / _TICKS, 1), short(step * nth)) for nth in range(_TICKS + 1)]
    return Chart(width, _TOP + _HEIGHT + _FOOT, _LEFT, bars, lines, labels, [])


def rows(values: Sequence[tuple[str, int]], width: int) -> Chart:
    """A bar across for each value, its name before it and the value behind."""
    most = max((value for _, value in values), default=0)
    room = width - _LABEL - 70
    bars, labels, numbers = [], [], []
    for place, (name, value) in enumerate(values):
        y = place * _ROW + 4
        long = round(room * value / most, 1) if most else 0.0
        bars.append(Bar(_LABEL, y, max(long, 1.0), _ROW - 10, "outstanding"))
        labels.append(Label(_LABEL - 10, y + 14, name))
        numbers.append(Label(_LABEL + max(long, 1.0) + 8, y + 14, short(value)))
    return Chart(width, max(1, len(values)) * _ROW, _LABEL, bars, [], labels, numbers)


def tick(most: int) -> int:
    """A round distance of which four reach `most`: 1, 2 or 5 times a power of ten."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if step * factor * _TICKS >= most:
                return step * factor
        step *= 10


def short(value: int) -> str:
    """A number in a few letters: 950, 1.2k, 35M."""
    size = abs(value)
    for unit, name in ((10**15, "P"), (10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if size >= unit:
            return f"{value / unit:.3g}{name}"
    return str(value)
