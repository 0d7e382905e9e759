"""A stop under load, a queue that is full, and a fault amid a batch: who waits is always told what came of it."""

from __future__ import annotations

import queue
import signal
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import httpx
import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from remora.engine import Engine
from remora.errors import StoreUnavailable
from remora.ledger.commands import Grant
from remora.service.desk import Result, carry_out
from remora.service.installation import Installation
from remora.service.orders import Job, Outcome, Who
from remora.service.orders import Order as EngineOrder
from remora.settings import Settings
from tests.backdoor import BackDoor
from tests.cast import Api, Shop, refused
from tests.conftest import Switchboard
from tests.crash import disk
from tests.crash.load import THREADS, Order, send
from tests.crash.server import Server, Start
from tests.eventually import SECONDS, until
from tests.shell import Shell

Serve = Callable[[Installation, Settings], Api]


def grants(client_id: str, count: int) -> list[Order]:
    return [Order("grant", client_id, 1, f"order-{number}") for number in range(count)]


class Callers:
    """One thread for each order; the answers in the order in which they come."""

    def __init__(self, pool: ThreadPoolExecutor, api: Api, shop: Shop, orders: Sequence[Order]) -> None:
        self.answers: queue.Queue[httpx.Response] = queue.Queue()
        self._pending = len(orders)
        for order in orders:
            pool.submit(order.send, api, shop).add_done_callback(self._note)

    def _note(self, done: Future[httpx.Response]) -> None:
        self.answers.put(done.result())

    def next(self) -> httpx.Response:
        self._pending -= 1
        return self.answers.get(timeout=SECONDS)

    def rest(self) -> list[httpx.Response]:
        return [self.next() for _ in range(self._pending)]


def assert_told_to_come_back(response: httpx.Response) -> None:
    assert refused(response) == (503, 503)
    assert int(response.headers["retry-after"]) >= 1


@pytest.mark.parametrize("stopped_after", [1, 20, 75])
def test_a_stop_under_load_leaves_no_order_half_done_and_none_that_was_answered_undone(
    start: Start, back_door: BackDoor, shop: Shop, shell: Shell, stopped_after: int
) -> None:
    server, client_id = start(), shop.client()
    orders = grants(client_id, 2_000)
    sent = send(server.api, shop, orders, after=stopped_after, then=lambda: server.signal(signal.SIGTERM))
    assert server.ended() == 0
    assert not any("Traceback" in line for line in server.log)
    found = disk.read(back_door)
    found.assert_whole()
    done = [(order, response) for order, response in sent.answers if response.status_code == 200]
    assert len(done) >= stopped_after
    for order, response in done:
        found.assert_kept(order, response)
    for _, response in sent.answers:
        if response.status_code != 200:
            assert_told_to_come_back(response)
    # More than has to be: what was begun was also answered, so a broken connection is one that nobody listened to.
    assert found.keys.keys() == {order.key for order, _ in done}
    shell.ok("verify")


def test_what_was_accepted_before_a_stop_is_done_and_answered(
    start: Start, back_door: BackDoor, shop: Shop, shell: Shell
) -> None:
    server, client_id = start(REMORA_QUEUE_LIMIT="2"), shop.client()
    with ThreadPoolExecutor(THREADS) as pool:
        with back_door.busy():
            callers = Callers(pool, server.api, shop, grants(client_id, THREADS))
            # The engine takes one or two, and two more may wait: once four are refused, the others are in.
            for _ in range(THREADS - 4):
                assert_told_to_come_back(callers.next())
            server.signal(signal.SIGTERM)
            # Only once it takes no more connections has it begun to stop.
            until(lambda: not takes_connections(server))
            assert server.process.poll() is None
        rest = callers.rest()
    assert sum(response.status_code == 200 for response in rest) >= 3
    assert server.ended() == 0
    found = disk.read(back_door)
    found.assert_whole()
    assert len(found.keys) == sum(response.status_code == 200 for response in rest)
    shell.ok("verify")


def takes_connections(server: Server) -> bool:
    url = httpx.URL(server.url)
    try:
        socket.create_connection((url.host, url.port or 0), timeout=SECONDS).close()
    except ConnectionError:
        return False
    return True


def test_beyond_a_full_queue_a_write_is_refused_at_once_and_those_in_it_are_done(
    serve: Serve, installation: Installation, settings: Settings, back_door: BackDoor, shop: Shop, shell: Shell
) -> None:
    client_id = shop.client()
    api = serve(installation, replace(settings, queue_limit=2))
    with ThreadPoolExecutor(THREADS) as pool:
        with back_door.busy():
            callers = Callers(pool, api, shop, grants(client_id, THREADS))
            # Two may wait, and the engine takes up to two if it comes to it before the others are there. These are
            # told so while the lock is held.
            for _ in range(THREADS - 4):
                assert_told_to_come_back(callers.next())
        rest = callers.rest()
    done = [response for response in rest if response.status_code == 200]
    assert len(done) >= 2
    for response in rest:
        if response not in done:
            assert_told_to_come_back(response)
    assert api.look_up(shop, clientIds=[client_id]).json()["points"][0]["points"] == len(done)
    shell.ok("verify")


def test_a_fault_in_one_order_of_a_batch_is_not_its_neighbours(
    serve: Serve,
    switchboard: tuple[Switchboard, str],
    installation: Installation,
    settings: Settings,
    back_door: BackDoor,
    shop: Shop,
) -> None:
    neighbours = [shop.client(5, platform_client_id=f"U{number}") for number in range(4)]
    broken = shop.client(5, platform_client_id="broken")
    # Its next entry will be numbered like the one it has.
    back_door.run(f"UPDATE clients SET seq = 0 WHERE client_id = '{broken}'")
    api = serve(installation, settings)
    orders = [Order("grant", client_id, 1, client_id) for client_id in (*neighbours[:2], broken, *neighbours[2:])]
    application = switchboard[0].application
    assert application is not None
    engine = application.services.store.writer
    assert isinstance(engine, Engine)
    with capture_logs() as lines, ThreadPoolExecutor(THREADS) as pool:
        with back_door.busy():
            # The engine takes this one by itself, and waits for the lock; what comes then waits for the engine.
            first = engine.submit(shop.bot_id, grant_job(neighbours[0]))
            until(first.running)
            callers = [pool.submit(order.send, api, shop) for order in orders]
            # Nothing outside the engine tells how many are waiting in it.
            until(lambda: len(engine._waiting) == len(orders))
        answers = {order.client_id: caller.result(SECONDS) for order, caller in zip(orders, callers, strict=True)}
    assert first.result(SECONDS)
    assert refused(answers.pop(broken)) == (500, 500)
    assert [response.status_code for response in answers.values()] == [200] * 4
    assert [line["event"] for line in lines].count("fault") == 1
    found = disk.read(back_door)
    found.assert_whole()
    assert found.keys.keys() == set(neighbours)
    # The fault has not stopped the engine.
    again = Order("grant", neighbours[0], 1, "again").send(api, shop)
    assert (again.status_code, again.json()["available"]) == (200, 8)


def test_an_engine_that_closes_takes_no_more_and_carries_out_what_it_took(
    installation: Installation, back_door: BackDoor, shop: Shop
) -> None:
    client_id = shop.client()
    engine: Engine[Job, Result] = Engine(
        "writer", partial(carry_out, installation), weigh=lambda _: 1, most_waiting=10, most_together=lambda: 10
    )
    with ThreadPoolExecutor() as pool:
        with back_door.busy():
            taken = [engine.submit(shop.bot_id, grant_job(client_id))]
            until(taken[0].running)
            taken += [engine.submit(shop.bot_id, grant_job(client_id)) for _ in range(4)]
            closing = pool.submit(engine.close)
            until(lambda: engine._closing)
            with pytest.raises(StoreUnavailable):
                engine.submit(shop.bot_id, grant_job(client_id))
            assert not closing.done()
        closing.result(SECONDS)
    outcomes = [outcome for each in taken for outcome in results(each)]
    assert [outcome.available for outcome in outcomes] == [1, 2, 3, 4, 5]


def grant_job(client_id: str) -> Job:
    return Job((EngineOrder(Who(client_id), Grant(1)),))


def results(done: Future[Result]) -> list[Outcome]:
    result = done.result(SECONDS)
    assert isinstance(result, list)
    return result
