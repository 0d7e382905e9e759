"""A chart of the results: how far each ratio is from what was wanted, on a logarithmic scale."""

from __future__ import annotations

import math
from html import escape

from msgspec import Struct

from bench.report import figure
from bench.result import Met, Result, Results

WIDTH, LABELS, FIGURES = 860, 210, 170
TOP, STEP, THICK = 66, 26, 16
LEFT, RIGHT = LABELS, WIDTH - FIGURES
TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)

# Both colours have a contrast of 3 to 1 and more on white and on GitHub's dark page; the word beside a bar says it too.
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 15px }
.small { font-size: 12px; fill: #59636e }
.grid { stroke: #d1d9e0; stroke-width: 1 }
.wanted { stroke: #1f2328; stroke-width: 2 }
.yes { fill: #1a7f64 }
.no { fill: #c2410c }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .small { fill: #9198a1 }
  .grid { stroke: #3d444d }
  .wanted { stroke: #e6edf3 }
  .yes { fill: #3fb68b }
  .no { fill: #f0883e }
}
"""


class Axis(Struct, frozen=True):
    """A logarithmic scale between two scores."""

    low: float
    high: float

    def x(self, score: float) -> float:
        share = math.log(score / self.low) / math.log(self.high / self.low)
        return round(LEFT + min(max(share, 0), 1) * (RIGHT - LEFT), 1)


def svg(results: Results) -> str:
    """A bar for each row that something is wanted of; it begins at what is wanted, and goes right where that is met."""
    rows = [each for each in results.rows if each.wanted]
    scores = [each.score for each in rows if each.score is not None]
    axis = _axis(scores)
    height = TOP + STEP * len(rows) + 34
    met = sum(each.met is Met.YES for each in rows)
    ticks = [tick for tick in TICKS if axis.low <= tick <= axis.high]
    parts = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="t d">',
        '<title id="t">How far each ratio is from what was wanted</title>',
        f'<desc id="d">{met} of {len(rows)} rows met. {escape(_described(rows))}</desc>',
        f"<style>{STYLE}</style>",
        '<text class="title" x="12" y="24">Ratio measured, as a multiple of the ratio wanted</text>',
        '<text class="small" x="12" y="43">Logarithmic. Right of the line at 1: as wanted, or better.</text>',
        *(_tick(axis, tick, height) for tick in ticks),
        *(_bar(axis, each, TOP + STEP * nth) for nth, each in enumerate(rows)),
        f'<line class="wanted" x1="{axis.x(1)}" y1="{TOP - 8}" x2="{axis.x(1)}" y2="{height - 26}"/>',
        "</svg>",
    )
    return "\n".join(parts) + "\n"


def _axis(scores: list[float]) -> Axis:
    """From a tick to a tick, with 1 well within."""
    low, high = min([0.5, *scores]), max([2.0, *scores])
    return Axis(
        max([tick for tick in TICKS if tick <= low], default=TICKS[0]),
        min([tick for tick in TICKS if tick >= high], default=TICKS[-1]),
    )


def _tick(axis: Axis, tick: float, height: int) -> str:
    x = axis.x(tick)
    return (
        f'<line class="grid" x1="{x}" y1="{TOP - 4}" x2="{x}" y2="{height - 28}"/>'
        f'<text class="small" x="{x}" y="{height - 10}" text-anchor="middle">{tick:g}</text>'
    )


def _bar(axis: Axis, row: Result, top: int) -> str:
    middle = top + THICK - 4
    label = f'<text x="{LEFT - 10}" y="{middle}" text-anchor="end">{escape(row.name)}</text>'
    told = f'<text class="small" x="{RIGHT + 10}" y="{middle}">{escape(_told(row))}</text>'
    if row.score is None:
        return label + told
    ends = sorted((axis.x(1), axis.x(row.score)))
    width = max(ends[1] - ends[0], 1)
    bar = f'<rect class="{row.met}" x="{ends[0]}" y="{top}" width="{width:.1f}" height="{THICK}" rx="2"/>'
    return label + bar + told


def _told(row: Result) -> str:
    if row.score is None:
        return "failed" if row.failed else str(row.met)
    return f"{'✓' if row.met is Met.YES else '✗'} {figure(row.ratio.median)} (wanted {row.wanted})"


def _described(rows: list[Result]) -> str:
    return "; ".join(f"{row.name}: {_told(row)}" for row in rows)
