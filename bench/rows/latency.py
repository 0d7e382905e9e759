"""The slowest look-ups while grants saturate the writer."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from bench import call, script, wrk
from bench.ground import Ground
from bench.row import Pair, Row, at_most
from bench.rows.grants import CONNECTIONS
from bench.served import WORKERS
from bench.shop import Shop, client_ids

LOOKUP_CONNECTIONS = 4
"""Few, so that a look-up waits for the server and not for other look-ups."""
LEAD_SECONDS = 1
"""How much earlier the grants begin, and how much later they end."""


def beside_alone(
    of: Callable[[Ground], Shop], workers: int = WORKERS
) -> Callable[[Ground], AbstractContextManager[Pair]]:
    """The 99th percentile of look-ups of one client, with and without grants beside them."""

    @contextmanager
    def measure(ground: Ground) -> Iterator[Pair]:
        shop, seconds = of(ground), ground.scale.seconds
        lookups = script.lookups(ground.folder, shop, 1)
        grants = script.orders(ground.folder, shop, 1, client_ids(shop.clients))
        numbers = itertools.count()
        with ground.remora(shop, workers) as remora:

            def p99() -> float:
                return wrk.drive(call.url(remora, shop), lookups, LOOKUP_CONNECTIONS, seconds).p99

            def alone() -> float:
                call.drain(remora, shop)
                return p99()

            def beside_grants() -> float:
                keys = f"p{remora.process.pid}-{next(numbers)}-"
                address = call.url(remora, shop, "/grant")
                with wrk.driving(address, grants, CONNECTIONS, seconds + 2 * LEAD_SECONDS, keys, "random"):
                    time.sleep(LEAD_SECONDS)
                    return p99()

            yield Pair(beside_grants, alone)

    return measure


ALONE = "p99 of a look-up alone"

ROWS = (
    Row(
        "p99-sqlite",
        "p99 of a look-up while grants saturate the writer, SQLite",
        ALONE,
        "ms",
        at_most(3.0),
        "wrk, 1 id, 4 connections both times: few, so that look-ups do not wait for others. Grants come by 64 more.",
        beside_alone(lambda ground: ground.sqlite_shop),
    ),
    Row(
        "p99-sqlite-one-process",
        "p99 of a look-up while grants saturate the writer, SQLite, one process",
        ALONE,
        "ms",
        None,
        "As `p99-sqlite`, with `REMORA_WORKERS=1`.",
        beside_alone(lambda ground: ground.sqlite_shop, workers=1),
    ),
    Row(
        "p99-postgresql",
        "p99 of a look-up while grants saturate the writer, PostgreSQL",
        ALONE,
        "ms",
        at_most(3.0),
        "As `p99-sqlite`.",
        beside_alone(lambda ground: ground.postgres_shop),
    ),
)
