"""Batches, beside single grants."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from bench import call, script, wrk
from bench.ground import Ground
from bench.row import Pair, Row, at_least
from bench.rows.grants import CONNECTIONS as SINGLE
from bench.rows.grants import grants
from bench.shop import Shop, client_ids

SIZE = 1_000
CONNECTIONS = 4
"""As many batches wait at once. There is room for ten thousand orders (REMORA_QUEUE_LIMIT), and fewer at a time are
counted more finely: only what is answered within the round counts.
"""


def beside_single(
    of: Callable[[Ground], Shop], connections: int = SINGLE
) -> Callable[[Ground], AbstractContextManager[Pair]]:
    """Points that batches grant a second, and points that single grants by so many connections do."""

    @contextmanager
    def measure(ground: Ground) -> Iterator[Pair]:
        shop = of(ground)
        path = script.batches(ground.folder, shop, SIZE, client_ids(shop.clients))
        numbers = itertools.count()
        with ground.remora(shop) as remora:

            def batches() -> float:
                call.drain(remora, shop)
                keys = f"b{remora.process.pid}-{next(numbers)}-"
                address = call.url(remora, shop, "/batch")
                return SIZE * wrk.drive(address, path, CONNECTIONS, ground.scale.seconds, keys).rate

            yield Pair(batches, grants(ground, remora, shop, connections=connections))

    return measure


SHOPS: tuple[tuple[str, Callable[[Ground], Shop]], ...] = (
    ("SQLite", lambda ground: ground.sqlite_shop),
    ("PostgreSQL", lambda ground: ground.postgres_shop),
)

ROWS = (
    *(
        Row(
            f"batch-{name.lower()}",
            f"`batch` of 1,000 grants, {name}",
            f"single grants over HTTP, {SINGLE} connections",
            "points/s",
            at_least(5.0),
            "wrk, 4 batches at a time, grants of one point to random clients, a key for each.",
            beside_single(of),
        )
        for name, of in SHOPS
    ),
    *(
        Row(
            f"batch-{name.lower()}-same-connections",
            f"`batch` of 1,000 grants, {name}",
            f"single grants over HTTP, as many connections as batches, {CONNECTIONS}",
            "points/s",
            None,
            f"As `batch-{name.lower()}`: what a caller gains who sends batches by the connections it has.",
            beside_single(of, CONNECTIONS),
        )
        for name, of in SHOPS
    ),
)
