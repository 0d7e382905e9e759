"""Look-ups of clients with many lots, and of clients for whom something came due that nobody has tidied."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from bench import call, shop
from bench.ground import Ground
from bench.row import Pair, Row, Wanted, at_least
from bench.shop import Granted
from remora.clock import SystemClock
from remora.ledger.commands import Grant
from remora.model import MICROSECONDS_PER_SECOND

LOTS = 200
HOUR = 3_600 * MICROSECONDS_PER_SECOND
YEAR = 365 * 24 * HOUR


def many(now: int) -> list[Granted]:
    """Lots that live, each of which expires at another time."""
    return [Granted(Grant(10, now + YEAR + nth * HOUR), now) for nth in range(LOTS)]


def overdue(now: int) -> list[Granted]:
    """A lot that lives, and one that has expired since it was written."""
    return [Granted(Grant(10, end), now - 2 * HOUR) for end in (now + YEAR, now - HOUR)]


def beside_one_lot(
    granted: Callable[[int], list[Granted]], count: int
) -> Callable[[Ground], AbstractContextManager[Pair]]:
    """Look-ups of `count` such clients, beside those of as many clients with one lot, by the same server."""

    @contextmanager
    def measure(ground: Ground) -> Iterator[Pair]:
        now = SystemClock().now()
        url = ground.file(f"{granted.__name__}-{count}")
        theirs = shop.fill(url, ground.scale.with_lots, [Granted(Grant(10, now + YEAR), now)], "one")
        ours = shop.fill(url, ground.scale.with_lots, granted(now), granted.__name__)
        with ground.remora(ours) as remora:
            for each in (ours, theirs):
                call.check(remora, each, count)
            yield Pair(call.lookups(ground, remora, ours, count), call.lookups(ground, remora, theirs, count))

    return measure


KINDS: tuple[tuple[str, str, Callable[[int], list[Granted]], Wanted, str], ...] = (
    (
        "lots-200",
        "look-up of clients with 200 live lots",
        many,
        at_least(0.9),
        "wrk, 16 connections, the same server on the same file.",
    ),
    (
        "lots-overdue",
        "look-up of clients with everything overdue and no sweeper run",
        overdue,
        at_least(0.25),
        "As `lots-200-1`. An overdue client has a lot that lives, and one that has expired since it was last written.",
    ),
)

ROWS = tuple(
    Row(
        f"{name}-{count}",
        f"{work}, {count} id{'s' if count > 1 else ''}, SQLite",
        "look-up of clients with 1 lot",
        "requests/s",
        wanted,
        how,
        beside_one_lot(granted, count),
    )
    for name, work, granted, wanted, how in KINDS
    for count in (1, 100)
)
