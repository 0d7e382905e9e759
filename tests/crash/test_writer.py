"""Two workers and their writer, killed, stopped, renewed, hung under load: orders are done once, and all are told."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import httpx
import psutil
import pytest

from tests.backdoor import BackDoor
from tests.cast import Api, Shop, refused
from tests.crash import disk
from tests.crash.load import THREADS, Order, Sent, send
from tests.crash.server import Server, Start
from tests.eventually import SECONDS, until
from tests.scraped import scrape
from tests.shell import Shell

UNKNOWN = "whether it was done is not known"


@pytest.fixture
def server(start: Start) -> Server:
    """Two workers, whose processes are known."""
    started = start(REMORA_WORKERS="2")
    until(lambda: (len(started.pids("writer")), len(started.pids("worker"))) == (1, 2))
    return started


@pytest.fixture
def clients(shop: Shop) -> list[str]:
    return [shop.client(platform_client_id=f"U{number}") for number in range(3)]


def grants(clients: list[str], name: str = "order") -> Iterator[Order]:
    """Grants without end."""
    for number in itertools.count():
        yield Order("grant", clients[number % len(clients)], 1, f"{name}-{number}")


def some(orders: Iterator[Order], count: int) -> list[Order]:
    return list(itertools.islice(orders, count))


def alive(pid: int) -> bool:
    """Whether it is a process that runs, and not one that is only still to be reaped."""
    try:
        status = psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return False
    return bool(status != psutil.STATUS_ZOMBIE)


def sort_out(sent: Sent) -> tuple[dict[Order, httpx.Response], list[Order]]:
    """What was done, and the orders of which nobody can say; no other answer is among them."""
    done, unknown = {}, list(sent.unanswered)
    for order, response in sent.answers:
        if response.status_code == 200:
            done[order] = response
        else:
            assert refused(response) == (503, 503)
            assert UNKNOWN in response.json()["errResponse"]["message"]
            unknown.append(order)
    return done, unknown


def audit(back_door: BackDoor, shell: Shell, done: dict[Order, httpx.Response]) -> None:
    """These orders are there as they were answered, each once, and nothing else."""
    found = disk.read(back_door)
    found.assert_whole()
    for order, response in done.items():
        found.assert_kept(order, response)
    assert found.keys.keys() == {order.key for order in done}
    assert back_door.rows("SELECT sum(available) FROM clients") == [(len(done),)]
    shell.ok("verify")


def fill(
    server: Server, pool: ThreadPoolExecutor, shop: Shop, orders: Iterator[Order]
) -> dict[Order, Future[httpx.Response]]:
    """While another keeps the database busy: send orders, until one waits behind those that the writer has begun."""
    calls: dict[Order, Future[httpx.Response]] = {}

    def waits() -> bool:
        order = next(orders)
        calls[order] = pool.submit(order.send, server.api, shop)
        return scrape(server.http).total("remora_queue_depth", engine="writer") >= 1

    until(waits)
    return calls


def test_a_writer_that_is_killed_is_replaced_and_each_order_is_done_once(
    server: Server, clients: list[str], shop: Shop, back_door: BackDoor, shell: Shell
) -> None:
    orders = grants(clients)
    done: dict[Order, httpx.Response] = {}
    unknown: list[Order] = []
    # Under load, wherever it then is.
    for nth, after in enumerate((1, 40), 1):
        kill = partial(os.kill, server.pids("writer")[-1], signal.SIGKILL)
        sent = send(server.api, shop, [*unknown, *some(orders, 80)], after=after, then=kill)
        assert not sent.unanswered
        now_done, unknown = sort_out(sent)
        done |= now_done
        assert len(server.pids("writer")) == nth + 1
    # Amid a transaction that cannot end, with others waiting for the next.
    with ThreadPoolExecutor(64) as pool:
        with back_door.busy():
            calls = fill(server, pool, shop, orders)
            os.kill(server.pids("writer")[-1], signal.SIGKILL)
            until(lambda: len(server.lines("writer ended")) == 3)
            until(lambda: any(call.done() for call in calls.values()))
        answers = [(order, call.result(SECONDS)) for order, call in calls.items()]
    now_done, lost = sort_out(Sent(answers))
    assert lost
    last = send(server.api, shop, [*unknown, *lost])
    now_done_again, unknown = sort_out(last)
    assert not unknown
    done |= now_done | now_done_again
    audit(back_door, shell, done)
    *killed, survivor = server.pids("writer")
    ended = server.lines("writer ended")
    assert [(line["pid"], line["status"]) for line in ended] == [(pid, -signal.SIGKILL) for pid in killed]
    assert alive(survivor)
    assert not server.lines("worker ended")


def test_a_worker_that_is_killed_leaves_nothing_half_done_and_the_others_orders_are_answered(
    server: Server, clients: list[str], shop: Shop, back_door: BackDoor, shell: Shell
) -> None:
    orders = grants(clients)
    doomed, _ = server.pids("worker")
    with ThreadPoolExecutor(64) as pool:
        with back_door.busy():
            calls = fill(server, pool, shop, orders)
            os.kill(doomed, signal.SIGKILL)
            until(lambda: bool(server.lines("worker ended")))
        done, unanswered = {}, []
        for order, call in calls.items():
            if isinstance(call.exception(SECONDS), httpx.TransportError):
                unanswered.append(order)
            else:
                done[order] = call.result()
    assert {response.status_code for response in done.values()} <= {200}
    # And under load, both of those that are there now.
    until(lambda: len(server.pids("worker")) == 3)
    for doomed in server.pids("worker")[-2:]:
        kill = partial(os.kill, doomed, signal.SIGKILL)
        sent = send(server.api, shop, some(orders, 80), after=20, then=kill)
        assert {response.status_code for _, response in sent.answers} == {200}
        done |= dict(sent.answers)
        unanswered += sent.unanswered
        until(lambda: not alive(doomed))  # noqa: B023 (called before the next one's turn)
    disk.read(back_door).assert_whole()
    again = send(server.api, shop, unanswered)
    assert not again.unanswered
    assert {response.status_code for _, response in again.answers} <= {200}
    audit(back_door, shell, done | dict(again.answers))
    assert not server.lines("writer ended")


@pytest.mark.parametrize("whom", [Server.signal, Server.signal_group])
def test_a_stop_under_load_answers_all_that_was_accepted_and_leaves_no_process(
    server: Server,
    clients: list[str],
    shop: Shop,
    back_door: BackDoor,
    shell: Shell,
    whom: Callable[[Server, signal.Signals], None],
) -> None:
    stop = partial(whom, server, signal.SIGTERM)
    sent = send(server.api, shop, some(grants(clients), 1_000), after=50, then=stop)
    # Nor any process: the end of all is waited for.
    assert server.ended() == 0
    assert {response.status_code for _, response in sent.answers} == {200}
    assert 50 <= len(sent.answers) < 1_000
    audit(back_door, shell, dict(sent.answers))
    assert not [line for line in server.log if '"level":"error"' in line or "Traceback" in line]


def test_workers_whose_supervisor_is_killed_under_load_finish_and_their_writer_ends_after_them(
    server: Server, clients: list[str], shop: Shop, back_door: BackDoor, shell: Shell
) -> None:
    kill = partial(server.signal, signal.SIGKILL)
    sent = send(server.api, shop, some(grants(clients), 1_000), after=50, then=kill)
    assert server.ended() == -signal.SIGKILL
    assert {response.status_code for _, response in sent.answers} == {200}
    assert 50 <= len(sent.answers) < 1_000
    audit(back_door, shell, dict(sent.answers))


def test_sighup_under_load_renews_the_writer_and_the_workers_and_no_call_fails(
    server: Server, clients: list[str], shop: Shop, back_door: BackDoor, shell: Shell
) -> None:
    before = [*server.pids("writer"), *server.pids("worker")]
    renewed = threading.Event()

    def order_on(caller: int) -> dict[Order, httpx.Response]:
        answers = {}
        with httpx.Client(base_url=server.url, timeout=SECONDS) as http:
            for order in grants(clients, f"caller-{caller}"):
                answers[order] = order.send(Api(http), shop)
                if renewed.is_set():
                    return answers
        raise AssertionError("orders have no end")

    with ThreadPoolExecutor(THREADS) as pool:
        callers = [pool.submit(order_on, caller) for caller in range(THREADS)]
        server.signal(signal.SIGHUP)
        try:
            until(lambda: not any(map(alive, before)))
        finally:
            renewed.set()
        answers = {order: response for caller in callers for order, response in caller.result(SECONDS).items()}
    assert {response.status_code for response in answers.values()} == {200}
    audit(back_door, shell, answers)
    [_, writer], workers = server.pids("writer"), server.pids("worker")
    assert len(workers) == 4
    assert all(map(alive, (writer, *workers[2:])))
    assert not server.lines("writer ended") + server.lines("worker ended")
    server.signal(signal.SIGTERM)
    assert server.ended() == 0


def test_while_the_writer_hangs_callers_are_told_in_time_and_lookups_go_on_and_what_was_late_is_not_done(
    start: Start, clients: list[str], shop: Shop, back_door: BackDoor, shell: Shell
) -> None:
    server = start(REMORA_WORKERS="2", REMORA_DATABASE_TIMEOUT="2")
    orders = grants(clients)
    first = send(server.api, shop, some(orders, THREADS))
    [writer] = server.pids("writer")
    late = some(orders, THREADS)
    with ThreadPoolExecutor(THREADS) as pool:
        os.kill(writer, signal.SIGSTOP)
        try:
            until(lambda: psutil.Process(writer).status() == psutil.STATUS_STOPPED)
            calls = [pool.submit(order.send, server.api, shop) for order in late]
            for client_id in clients * 5:
                assert server.api.points_of(shop, client_id) >= 2
            assert not any(call.done() for call in calls)
            answers = [call.result(SECONDS) for call in calls]
        finally:
            os.kill(writer, signal.SIGCONT)
    done, unknown = sort_out(Sent(list(zip(late, answers, strict=True))))
    assert (done, unknown) == ({}, late)
    second = send(server.api, shop, some(orders, THREADS))
    done = dict(first.answers + second.answers)
    audit(back_door, shell, done)
    again = send(server.api, shop, late)
    assert not any("idempotent-replayed" in response.headers for _, response in again.answers)
    audit(back_door, shell, done | dict(again.answers))
    assert not server.lines("writer ended")
