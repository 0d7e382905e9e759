"""Durable spends, beside the well-known design of three tables."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

from bench import call, script, shop, wrk
from bench.ground import Ground
from bench.peers import three_tables
from bench.row import Pair, Row, at_least
from bench.rows.grants import CONNECTIONS
from bench.shop import Granted, client_id
from remora.clock import SystemClock
from remora.ledger.commands import Grant
from remora.model import MICROSECONDS_PER_SECOND

LOTS = 6
"""Of one point each, so that a spend of three uses three of them, and a client has two spends in them."""
PEER_CONNECTIONS = 8
DAY = 86_400 * MICROSECONDS_PER_SECOND


@contextmanager
def beside_three_tables(ground: Ground) -> Iterator[Pair]:
    """Each round has clients of its own, one after the other, whose lots are all there."""
    a_round = ground.scale.spends_a_second * ground.scale.seconds * three_tables.POINTS // LOTS
    count = a_round * ground.scale.rounds
    now = SystemClock().now()
    granted = [Granted(Grant(1, now + (365 + nth) * DAY), now) for nth in range(LOTS)]
    spenders = shop.fill(ground.postgres.databases.create("spends"), count, granted)
    ground.settle(spenders)
    url = ground.postgres.databases.create("three_tables")
    three_tables.fill(url, count, LOTS)
    ours, theirs = itertools.count(), itertools.count()
    with ground.remora(spenders) as remora:

        def spends() -> float:
            number = next(ours)
            numbers = range(number * a_round + 1, (number + 1) * a_round + 1)
            path = script.orders(ground.folder, spenders, three_tables.POINTS, list(map(client_id, numbers)))
            address = call.url(remora, spenders, "/spend")
            return wrk.drive(address, path, CONNECTIONS, ground.scale.seconds, f"{number}-", "each").rate

        def peers() -> float:
            number = next(theirs)
            accounts = range(number * a_round + 1, (number + 1) * a_round + 1)
            return three_tables.rate(url, PEER_CONNECTIONS, ground.scale.seconds, accounts)

        yield Pair(spends, peers)


ROWS = (
    Row(
        "spend-postgresql",
        "durable spends over HTTP, 64 connections, each over 3 lots, PostgreSQL",
        "the well-known three tables (deposits, withdrawals, allocations; `SELECT … FOR UPDATE` per spend), psycopg, "
        "8 connections, no HTTP",
        "spends/s",
        at_least(2.0),
        "Clients in turn, with six lots of one point each; a spend takes three points. Each round has its own clients. "
        "`bench/peers/three_tables.py` says what the peer does.",
        beside_three_tables,
    ),
)
