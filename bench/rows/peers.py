"""Look-ups beside other services that answer the same call."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from bench import call
from bench.ground import CACHE, Ground
from bench.peers import fastapi_shop, prism
from bench.row import Pair, Row, at_least
from bench.served import WORKERS, Ready
from remora import settings
from remora.clock import SystemClock
from remora.service.installation import open_installation

FASTAPI = (
    *(sys.executable, "-m", "uvicorn", "bench.peers.fastapi_app:app", "--workers", str(WORKERS)),
    *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--port"),
)
STARTED = Ready("Application startup complete", WORKERS)
"""Each worker says it."""


def beside_fastapi(count: int) -> Callable[[Ground], AbstractContextManager[Pair]]:
    """Look-ups of `count` on the same PostgreSQL."""

    @contextmanager
    def measure(ground: Ground) -> Iterator[Pair]:
        shop = ground.postgres_shop
        url = ground.postgres.databases.create(f"fastapi{count}")
        fastapi_shop.fill(url, shop)
        installation = open_installation(settings.load(shop.environment), SystemClock())
        key = installation.signing_key.reveal()
        installation.close()
        environment = {**shop.environment, "BENCH_DATABASE_URL": url, "BENCH_SIGNING_KEY": key}
        with ground.remora(shop) as remora, ground.served(FASTAPI, environment, STARTED) as fastapi:
            for each in (remora, fastapi):
                call.check(each, shop, count)
            yield Pair(call.lookups(ground, remora, shop, count), call.lookups(ground, fastapi, shop, count))

    return measure


@contextmanager
def beside_prism(ground: Ground) -> Iterator[Pair]:
    """Look-ups of one client on SQLite. Prism answers its one example, whatever it is asked."""
    shop = ground.sqlite_shop
    command = prism.command(CACHE, ground.folder)
    with ground.remora(shop) as remora, ground.served(command, shop.environment) as mock:
        call.check(remora, shop, 1)
        yield Pair(call.lookups(ground, remora, shop, 1), call.lookups(ground, mock, shop, 1))


ROWS = (
    *(
        Row(
            f"peer-{count}",
            f"look-up of {count} id{'s' if count > 1 else ''} over HTTP, PostgreSQL",
            "a plain FastAPI + pydantic + SQLAlchemy async ORM service on the same PostgreSQL",
            "requests/s",
            at_least(wanted),
            "wrk, 16 connections, the same bodies. The peer, `bench/peers/fastapi_app.py`, has a uvicorn worker "
            "for each core, and each worker a pool of its own.",
            beside_fastapi(count),
        )
        for count, wanted in ((1, 12.0), (100, 6.0))
    ),
    Row(
        "prism",
        "look-up of 1 id over HTTP, SQLite",
        "the mock server Prism, log silent, serving the document of the call",
        "requests/s",
        at_least(5.0),
        "wrk, 16 connections, the same bodies. Prism answers its one example. It is one process and has no option for "
        "more: `--multiprocess` gives the one server a second process for its log.",
        beside_prism,
    ),
)
