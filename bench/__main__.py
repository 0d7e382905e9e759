"""`python -m bench`: measure, print, and write the page."""

from __future__ import annotations

import argparse
import signal
import sys
import time
import traceback
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from bench import chart, machine, report, result
from bench.failure import Failed, NotRun
from bench.ground import Ground
from bench.result import Result, Results
from bench.row import Row
from bench.rows import ROWS
from bench.scale import FULL, QUICK, Scale

DOCS = Path(__file__).parent.parent / "docs"
KEPT = DOCS / "benchmarks.json"
NAMES = [row.name for row in ROWS]
TERMINATED = 128 + signal.SIGTERM


def main() -> int:
    """0 if every row was measured, or could not be on this machine; what was wanted is no part of it."""
    asked = _arguments()
    if asked.list:
        print("\n".join(f"{row.name}: {row.work}" for row in ROWS))
        return 0
    if asked.render:
        kept = result.load(KEPT)
        if kept is None:
            sys.exit(f"there is no {KEPT}: measure first")
        render(kept.over(None, NAMES))
        return 0
    rows = chosen(asked.only, quick=asked.quick)
    # As Ctrl-C does: what was started is ended with us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    scale = QUICK if asked.quick else FULL
    results = run(rows, replace(scale, rounds=asked.rounds or scale.rounds, seconds=asked.seconds or scale.seconds))
    if asked.write:
        write(results)
    return int(any(each.failed for each in results.rows))


def run(rows: list[Row], scale: Scale) -> Results:
    """Measure the rows one after the other, and print each as it comes."""
    measured = []
    where = machine.this()
    with ExitStack() as stack:
        ground = Ground(scale, stack)
        for row in rows:
            begun = time.monotonic()
            measured.append(measure(row, ground))
            print(f"{report.line(measured[-1])} [{time.monotonic() - begun:.0f} s]", flush=True)
    return Results(where, f"{datetime.now(UTC):%Y-%m-%d}", scale.rounds, scale.seconds, measured)


def measure(row: Row, ground: Ground) -> Result:
    """The figures of a row's rounds. Each round turns the order around, so that neither side is always the first."""
    ours: list[float] = []
    theirs: list[float] = []
    try:
        with row.measure(ground) as pair:
            sides = [(pair.theirs, theirs), (pair.ours, ours)]
            for _ in range(row.rounds or ground.scale.rounds):
                for side, figures in sides:
                    figures.append(side())
                sides.reverse()
    except NotRun as reason:
        return result.without(row, str(reason), failed=False)
    except Exception as problem:  # noqa: BLE001 (whatever it is, the other rows are still to be measured)
        if not isinstance(problem, Failed):
            traceback.print_exc()
        return result.without(row, str(problem) or type(problem).__name__, failed=True)
    return result.of(row, ours, theirs)


def write(results: Results) -> None:
    """Keep the figures, those of other rows as they were, and write the page."""
    whole = results.over(result.load(KEPT), NAMES)
    result.save(KEPT, whole)
    render(whole)


def render(results: Results) -> None:
    """Write the page and its chart."""
    (DOCS / "benchmarks.md").write_text(report.page(results), encoding="utf-8")
    (DOCS / "benchmarks.svg").write_text(chart.svg(results), encoding="utf-8")


def chosen(names: list[str] | None, *, quick: bool) -> list[Row]:
    """The rows of these names, or that begin with one of them: `lookup`, `lookup-1`, `lookup-1-sqlite`. Without names
    it is all of them, or, to be quick, those that are judged.
    """
    if not names:
        return [row for row in ROWS if row.wanted or not quick]
    for name in names:
        if not any(_named(row, name) for row in ROWS):
            sys.exit(f"there is no row {name}; --list tells which there are")
    return [row for row in ROWS if any(_named(row, name) for name in names)]


def _named(row: Row, name: str) -> bool:
    return f"{row.name}-".startswith(f"{name}-")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Remora beside its peers.")
    parser.add_argument("--list", action="store_true", help="name the rows")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="measure these rows, or those that begin so")
    parser.add_argument("--rounds", type=_count, help=f"of each row [{FULL.rounds}]")
    parser.add_argument("--seconds", type=_count, help=f"of each round [{FULL.seconds}]")
    parser.add_argument("--quick", action="store_true", help="show that the judged rows work, with few clients")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.*; other rows stay as they were")
    parser.add_argument("--render", action="store_true", help="write docs/benchmarks.md and .svg of benchmarks.json")
    asked = parser.parse_args()
    if asked.quick and asked.write:
        parser.error("the figures of --quick mean nothing: they are not written")
    return asked


def _count(text: str) -> int:
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, not {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
