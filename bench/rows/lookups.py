"""Look-ups on both stores, beside an application that does nothing and beside the bare query."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import call, pgbench
from bench.ground import Ground
from bench.peers import nothing, raw_sqlite
from bench.row import Pair, Row, at_least
from bench.served import SERVING, WORKERS
from bench.shop import Shop, client_id

IDS = 100
LISTS = 100
"""How many lists of ids pgbench draws from: each is a script of its own, of which it takes 128."""
BARE_CONNECTIONS = 2

BARE = """
SELECT client_id, client_id, platform, available, next_due_at FROM clients
WHERE bot_id = '{bot_id}' AND client_id = ANY (CAST(:ids{nth} AS text[]));
"""


@contextmanager
def beside_nothing(ground: Ground, shop: Shop, workers: int = WORKERS) -> Iterator[Pair]:
    """Look-ups of one client, beside the application that does nothing, sent the same, with as many workers."""
    environment = {**shop.environment, "REMORA_WORKERS": str(workers)}
    with (
        ground.remora(shop, workers) as remora,
        ground.served(nothing.COMMAND, environment, SERVING) as ceiling,
    ):
        call.check(remora, shop, 1)
        yield Pair(call.lookups(ground, remora, shop, 1), call.lookups(ground, ceiling, shop, 1))


@contextmanager
def beside_sqlite(ground: Ground, text: str, workers: int = WORKERS) -> Iterator[Pair]:
    """Look-ups of 100, beside the bare query on the same file."""
    shop = ground.sqlite_shop
    bare = raw_sqlite.lookups(Path(shop.url.removeprefix("sqlite:///")), shop.bot_id, shop.clients, text)
    with ground.remora(shop, workers) as remora:
        call.check(remora, shop, IDS)
        yield Pair(call.lookups(ground, remora, shop, IDS), lambda: bare(ground.scale.seconds))


@contextmanager
def beside_pgbench(ground: Ground) -> Iterator[Pair]:
    """Look-ups of 100, beside the bare query on the same table."""
    shop = ground.postgres_shop
    with ground.remora(shop) as remora:
        call.check(remora, shop, IDS)
        yield Pair(call.lookups(ground, remora, shop, IDS), bare_postgresql(ground, shop))


def bare_postgresql(ground: Ground, shop: Shop) -> Callable[[], float]:
    """Bare look-ups a second. A list of ids is one parameter, since a hundred would take longer to send."""
    chance = random.Random(IDS)  # noqa: S311 (which client is asked for is no secret)
    numbers = range(1, shop.clients + 1)
    scripts, variables = [], {}
    for nth in range(LISTS):
        path = ground.folder / f"bare-{nth}.sql"
        path.write_text(BARE.format(bot_id=shop.bot_id, nth=nth))
        scripts.append(path)
        variables[f"ids{nth}"] = f"{{{','.join(map(client_id, chance.sample(numbers, IDS)))}}}"
    return lambda: pgbench.rate(shop.url, scripts, BARE_CONNECTIONS, ground.scale.seconds, variables)


ROWS = (
    Row(
        "lookup-1-sqlite",
        "look-up of 1 id over HTTP, SQLite",
        "a do-nothing ASGI app that reads the body, on the same server",
        "requests/s",
        at_least(0.40),
        "wrk, 16 connections, random ids; the app answers as many bytes, by the same supervisor and as many workers.",
        lambda ground: beside_nothing(ground, ground.sqlite_shop),
    ),
    Row(
        "lookup-1-sqlite-one-process",
        "look-up of 1 id over HTTP, SQLite, one process",
        "the same do-nothing app, one process",
        "requests/s",
        None,
        "As `lookup-1-sqlite`, with `REMORA_WORKERS=1` on both sides.",
        lambda ground: beside_nothing(ground, ground.sqlite_shop, workers=1),
    ),
    Row(
        "lookup-100-sqlite",
        "look-up of 100 ids over HTTP, SQLite",
        "the same 100-id query alone in one thread on raw SQLite",
        "requests/s",
        at_least(0.70),
        "wrk, 16 connections; the query is the server's own, prepared for 100 ids, on the same file, its rows fetched, "
        "in one thread whatever the cores.",
        lambda ground: beside_sqlite(ground, raw_sqlite.AS_ROWS),
    ),
    Row(
        "lookup-100-sqlite-one-process",
        "look-up of 100 ids over HTTP, SQLite, one process",
        "the same 100-id query alone in one thread on raw SQLite",
        "requests/s",
        None,
        "As `lookup-100-sqlite`, with `REMORA_WORKERS=1`.",
        lambda ground: beside_sqlite(ground, raw_sqlite.AS_ROWS, workers=1),
    ),
    Row(
        "lookup-100-in-sqlite",
        "look-up of 100 ids over HTTP, SQLite",
        "the same ids by a plain prepared `IN`, alone in one thread on raw SQLite",
        "requests/s",
        None,
        "As `lookup-100-sqlite`, with the query as it would be written at first.",
        lambda ground: beside_sqlite(ground, raw_sqlite.AS_LIST),
    ),
    Row(
        "lookup-1-postgresql",
        "look-up of 1 id over HTTP, PostgreSQL",
        "the same do-nothing app",
        "requests/s",
        at_least(0.25),
        "As `lookup-1-sqlite`.",
        lambda ground: beside_nothing(ground, ground.postgres_shop),
    ),
    Row(
        "lookup-100-postgresql",
        "look-up of 100 ids over HTTP, PostgreSQL",
        "`pgbench -M prepared -c 2 -j 2`, the same 100-id query",
        "requests/s",
        at_least(0.55),
        "wrk, 16 connections; pgbench has two threads of one connection each, and draws from 100 lists of 100 ids, "
        "each one array parameter, on the same table.",
        beside_pgbench,
    ),
)
