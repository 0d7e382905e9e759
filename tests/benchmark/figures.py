"""Results that were never measured."""

from __future__ import annotations

from bench.machine import Machine
from bench.result import Result, Results
from bench.row import Wanted, at_least

MACHINE = Machine("Abacus", 2, 8.0, "Linux 6", "ext4", 0.5, {"Remora": "1.0", "Prism": "5"})
AT_LEAST_ONE = at_least(1)


def measured(
    name: str,
    wanted: Wanted | None = AT_LEAST_ONE,
    ours: list[float] | None = None,
    theirs: list[float] | None = None,
    reason: str = "",
    *,
    failed: bool = False,
) -> Result:
    figures = [] if reason else ours or [1]
    return Result(
        name=name,
        work=f"work of {name}",
        compared=f"peer of {name}",
        unit="requests/s",
        how=f"How {name} is measured.",
        wanted=wanted,
        ours=figures,
        theirs=theirs or [1] * len(figures),
        reason=reason,
        failed=failed,
    )


def results(*rows: Result) -> Results:
    return Results(MACHINE, "2026-11-23", 5, 3, list(rows))
