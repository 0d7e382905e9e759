"""Workers of one server: without Redis too, a limit holds over all of them together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.cast import POINT
from tests.cli.test_serve import Serve, pair, serve, short
from tests.servers.process import wait_until
from tests.stores import only

__all__ = ["pair", "serve", "short"]  # fixtures

LIMIT = 50
WORKER = "remora.web.worker"


def workers(process: int) -> list[psutil.Process]:
    return [child for child in psutil.Process(process).children() if is_worker(child)]


def is_worker(process: psutil.Process) -> bool:
    try:
        return WORKER in process.cmdline()
    except psutil.NoSuchProcess:  # it has been killed
        return False


@contextmanager
def stopped(worker: psutil.Process) -> Iterator[None]:
    """While it stands still, the others take all connections."""
    worker.suspend()
    try:
        wait_until(lambda: worker.status() == psutil.STATUS_STOPPED, "the worker stands still")
        yield
    finally:
        worker.resume()


def admitted(url: str, pair: Any, requests: int) -> int:
    """How many of so many requests are within the limit; each comes by a connection of its own."""
    with httpx.Client(limits=httpx.Limits(max_keepalive_connections=0)) as caller:
        statuses = [
            caller.post(
                f"{url}{POINT}",
                params={"botId": "tea"},
                json={"secret": pair["apiSecret"], "clientIds": ["nobody"]},
                headers={"authorization": f"Bearer {pair['apiToken']}"},
            ).status_code
            for _ in range(requests)
        ]
    assert set(statuses) <= {404, 429}  # nobody has such a client
    return statuses.count(404)


@only("sqlite", why="limits have nothing to do with the store")
def test_a_limit_is_kept_exactly_over_the_workers_of_a_server(serve: Serve, pair: Any, short: Path) -> None:
    process, url = serve(REMORA_WORKERS="2", REMORA_RATE_LIMIT=f"{LIMIT}/hour", TMPDIR=str(short))
    one, another = workers(process.pid)
    with stopped(one):
        first = admitted(url, pair, 30)
    with stopped(another):
        second = admitted(url, pair, LIMIT)
    with stopped(one):
        rest = admitted(url, pair, LIMIT)
    # What the first has leased and not used yet, a sixteenth at most, is nobody else's.
    assert (first, second >= LIMIT - 30 - LIMIT // 16, first + second + rest) == (30, True, LIMIT)
    assert {path.name for path in short.glob("remora-run-*/limits*")} == {"limits-bot"}


@only("sqlite", why="limits have nothing to do with the store")
def test_a_worker_that_comes_later_finds_what_was_leased_before(serve: Serve, pair: Any) -> None:
    process, url = serve(REMORA_WORKERS="2", REMORA_RATE_LIMIT="10/hour")
    # A limit below 32 is leased one by one, so no permit dies with a worker.
    assert admitted(url, pair, 6) == 6
    for worker in (before := workers(process.pid)):
        worker.kill()

    def answers() -> bool:
        with httpx.Client() as caller:
            try:
                return caller.get(f"{url}/healthz").status_code == 200
            except httpx.TransportError:  # the connection came to one that was killed
                return False

    wait_until(lambda: not set(workers(process.pid)) & set(before) and answers(), "there are new workers")
    assert admitted(url, pair, 10) == 4


@only("sqlite", why="limits have nothing to do with the store")
def test_an_addresss_failures_count_at_whichever_worker_they_come(serve: Serve) -> None:
    process, url = serve(REMORA_WORKERS="2", REMORA_FAILED_AUTH_LIMIT="4/hour")
    one, another = workers(process.pid)

    def fail() -> int:
        return httpx.post(f"{url}{POINT}").status_code

    with stopped(one):
        assert [fail() for _ in range(3)] == [401] * 3
    with stopped(another):
        assert [fail() for _ in range(3)] == [401, 429, 429]
