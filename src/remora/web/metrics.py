"""Counting what happens, as it happens: requests, batches, points.

A request costs a look-up in a dictionary and three additions, one of points a fourth; its labels are put together only
the first time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from starlette.types import Scope

from remora.model import Entry
from remora.web import families
from remora.web.families import Family
from remora.web.observe import Observation
from remora.web.tally import Cells, Tally

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD = "other"
UNKNOWN_ROUTE = "unknown"

KINDS = {
    "grant": "granted",
    "spend": "spent",
    "capture": "spent",
    "expire": "expired",
    "hold": "held",
    "release": "released",
    "timeout": "released",
    "reverse": "returned",
    "reverse of a grant": "revoked",
}
"""What an entry does with points; those of a kind all give, or all take. A start does nothing: its points were granted
before.
"""


class Metrics:
    """What one process counts.

    Requests and what is looked up together are counted in the event loop's thread, batches of orders and points in the
    writer's: that is the one thread at a time which a tally wants.
    """

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self._requests: dict[tuple[str, str, int, int | None, str | None], tuple[Cells, Cells, Cells | None]] = {}
        self._points: dict[tuple[str, str], Cells] = {}

    def cells(self, family: Family, *labels: str) -> Cells:
        """The numbers of one metric."""
        return self.tally.cells((family.name, *labels), family.size)

    def answered(self, scope: Scope, seen: Observation, seconds: float) -> None:
        """Count a request, by the route that it was led to: paths and methods that are the caller's to invent are
        counted as one. A look-up of a bot that there is is counted as such, too.
        """
        route = scope["route"].path if "route" in scope else UNKNOWN_ROUTE
        key = (route, scope["method"], seen.status, seen.code, seen.looked_up)
        number, taken, lookups = self._requests.get(key) or self._new_request(*key)
        number[0] += 1
        if lookups is not None:
            lookups[0] += 1
        taken[bisect_left(families.SECONDS, seconds)] += 1
        taken[-1] += seconds

    def limited(self, policy: str) -> None:
        """Count a request that was one too many."""
        self.cells(families.RATE_LIMITED, policy)[0] += 1

    def moved(self, bot_id: str, entries: Iterable[Entry]) -> None:
        """Count the points of entries that are on disk."""
        moved: dict[str, int] = {}
        for entry in entries:
            points = 0
            for change in entry.lots:
                points += change.points
            kind = entry.kind
            if kind == "reverse" and points < 0:
                kind = "reverse of a grant"
            moved[kind] = moved.get(kind, 0) + points
        for kind, points in moved.items():
            if kind in KINDS:
                self._points_of(bot_id, KINDS[kind])[0] += abs(points)

    def engine(self, name: str, limit: int) -> EngineMetrics:
        """The metrics of one engine, which is told of them as a watch."""
        self.cells(families.QUEUE_LIMIT, name)[0] = limit
        return EngineMetrics(
            self.cells(families.QUEUE_DEPTH, name),
            self.cells(families.BATCH_ITEMS, name),
            self.cells(families.BATCH_SECONDS, name),
        )

    def _new_request(
        self, route: str, method: str, status: int, code: int | None, looked_up: str | None
    ) -> tuple[Cells, Cells, Cells | None]:
        known = method if method in METHODS else OTHER_METHOD
        number = self.cells(families.REQUESTS, route, known, str(status), "" if code is None else str(code))
        lookups = None if looked_up is None else self.cells(families.LOOKUPS, looked_up, str(status))
        cells = number, self.cells(families.REQUEST_SECONDS, route), lookups
        if known == method:
            self._requests[route, method, status, code, looked_up] = cells
        return cells

    def _points_of(self, bot_id: str, kind: str) -> Cells:
        cells = self._points.get((bot_id, kind))
        if cells is None:
            cells = self._points[bot_id, kind] = self.cells(families.POINTS, bot_id, kind)
        return cells


class EngineMetrics:
    """Sees what an engine does."""

    def __init__(self, depth: Cells, items: Cells, seconds: Cells) -> None:
        self._depth, self._items, self._seconds = depth, items, seconds
        self.waiting(0)

    def waiting(self, weight: int) -> None:
        self._depth[0] = weight

    def done(self, weight: int, seconds: float, senders: Sequence[object]) -> None:  # noqa: ARG002 (it counts no one)
        observe(self._items, families.ITEMS, weight)
        observe(self._seconds, families.SECONDS, seconds)


def observe(cells: Cells, bounds: tuple[float, ...], value: float) -> None:
    """Count a value in the first bucket that it fits in, and add it to the sum, which is last."""
    cells[bisect_left(bounds, value)] += 1
    cells[-1] += value
