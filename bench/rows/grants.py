"""Durable grants, beside bare transactions on the same database."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg

from bench import call, pgbench, script, wrk
from bench.ground import Ground
from bench.peers import raw_sqlite
from bench.row import Pair, Row, at_least
from bench.served import WORKERS, Served
from bench.shop import Shop, client_ids

CONNECTIONS = 64
BARE_CONNECTIONS = 32

BARE_TABLES = """
CREATE TABLE IF NOT EXISTS bare_balances (number bigint PRIMARY KEY, points bigint NOT NULL) WITH (fillfactor = 80);
CREATE TABLE IF NOT EXISTS bare_changes (number bigint NOT NULL, points bigint NOT NULL,
                                         at timestamptz NOT NULL DEFAULT now());
TRUNCATE bare_balances, bare_changes;
INSERT INTO bare_balances SELECT number, 0 FROM generate_series(1, {clients}) AS number;
"""
BARE = """
\\set number random(1, {numbers})
BEGIN;
UPDATE bare_balances SET points = points + 1 WHERE number = :number;
INSERT INTO bare_changes (number, points) VALUES (:number, 1);
END;
"""


def grants(
    ground: Ground, server: Served, shop: Shop, *, hot: bool = False, connections: int = CONNECTIONS
) -> Callable[[], float]:
    """Grants of one point a second, to random clients, or all to one: another one in each round, since each grant
    is a lot that stays.
    """
    path = script.orders(ground.folder, shop, 1, client_ids(shop.clients))
    numbers = itertools.count(1)

    def rate() -> float:
        number = next(numbers)
        who = str(number) if hot else "random"
        call.drain(server, shop)
        keys = f"{server.process.pid}-{number}-"
        return wrk.drive(call.url(server, shop, "/grant"), path, connections, ground.scale.seconds, keys, who).rate

    return rate


def beside_pgbench(*, hot: bool = False, workers: int = WORKERS) -> Callable[[Ground], AbstractContextManager[Pair]]:
    """Grants on PostgreSQL."""

    @contextmanager
    def measure(ground: Ground) -> Iterator[Pair]:
        shop = ground.postgres_shop
        with psycopg.connect(shop.url, autocommit=True) as connection:
            for text in BARE_TABLES.format(clients=shop.clients).split(";"):
                if text.strip():
                    connection.execute(text)
        ground.settle(shop)
        bare = ground.folder / "grant.sql"
        bare.write_text(BARE.format(numbers=1 if hot else shop.clients))
        with ground.remora(shop, workers) as remora:
            yield Pair(
                grants(ground, remora, shop, hot=hot),
                lambda: pgbench.rate(shop.url, [bare], BARE_CONNECTIONS, ground.scale.seconds),
            )

    return measure


@contextmanager
def beside_sqlite(ground: Ground, workers: int = WORKERS) -> Iterator[Pair]:
    """Grants on SQLite."""
    shop = ground.sqlite_shop
    bare = raw_sqlite.changes(ground.folder / f"raw-{workers}.db", client_ids(shop.clients))
    with ground.remora(shop, workers) as remora:
        yield Pair(grants(ground, remora, shop), lambda: bare(ground.scale.seconds))


ROWS = (
    Row(
        "grant-postgresql",
        "durable grants over HTTP, 64 connections, PostgreSQL, random clients",
        "`pgbench -c 32 -j 2 -M prepared`, bare update + insert in one transaction",
        "grants/s",
        at_least(1.0),
        "wrk, each grant with an idempotency key of its own. The bare tables have a number as key.",
        beside_pgbench(),
    ),
    Row(
        "grant-hot-postgresql",
        "the same, all on one hot client",
        "`pgbench -c 32 -j 2 -M prepared`, the same on one row",
        "grants/s",
        at_least(4.0),
        "Another client is the hot one in each round.",
        beside_pgbench(hot=True),
    ),
    Row(
        "grant-postgresql-one-process",
        "durable grants over HTTP, 64 connections, PostgreSQL, random clients, one process",
        "`pgbench -c 32 -j 2 -M prepared`, bare update + insert in one transaction",
        "grants/s",
        None,
        "As `grant-postgresql`, with `REMORA_WORKERS=1`.",
        beside_pgbench(workers=1),
    ),
    Row(
        "grant-sqlite",
        "durable grants over HTTP, 64 connections, SQLite",
        "one bare update + insert per transaction on raw SQLite, one thread",
        "grants/s",
        at_least(1.0),
        "wrk, random clients, each grant with a key of its own; both files are in WAL mode with `synchronous=FULL`.",
        beside_sqlite,
    ),
    Row(
        "grant-sqlite-one-process",
        "durable grants over HTTP, 64 connections, SQLite, one process",
        "one bare update + insert per transaction on raw SQLite, one thread",
        "grants/s",
        None,
        "As `grant-sqlite`, with `REMORA_WORKERS=1`.",
        lambda ground: beside_sqlite(ground, workers=1),
    ),
)
