"""`remora serve` while its PostgreSQL is killed, stopped, paused and deserted under load, and comes back by itself."""

from __future__ import annotations

import itertools
import random
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import httpx
import pytest

from tests.backdoor import BackDoor
from tests.cast import Shop, refused
from tests.crash import disk
from tests.crash.load import THREADS, Order, send
from tests.crash.server import Server, Start
from tests.eventually import until
from tests.servers.postgresql import PostgresServer
from tests.shell import Shell
from tests.stores import PostgresStore

TIMEOUT_SECONDS = 1
PATIENCE_SECONDS = 10
"""An answer takes three times as long as the time-out at most; and a busy machine takes its time."""

AFTERWARDS = 2 * THREADS
"""So many more orders are sent once the disturbance has begun."""


@pytest.fixture
def store(mortal_store: PostgresStore) -> PostgresStore:
    return mortal_store


@dataclass(frozen=True)
class Disturbance:
    """What happens to the server, how often, and how it ends. It is `away` unless only its sessions end."""

    begin: Callable[[PostgresServer, BackDoor], None]
    end: Callable[[PostgresServer], None]
    rounds: int
    away: bool = True


def desert(_: PostgresServer, back_door: BackDoor) -> None:
    back_door.rows(
        """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND pid <> pg_backend_pid()"""
    )


DISTURBANCES = {
    "killed": Disturbance(lambda server, _: server.kill(), PostgresServer.start, rounds=4),
    "stopped": Disturbance(lambda server, _: server.stop("fast"), PostgresServer.start, rounds=2),
    "paused": Disturbance(lambda server, _: server.pause(), PostgresServer.resume, rounds=3),
    "deserted": Disturbance(desert, lambda _: None, rounds=6, away=False),
}


@pytest.mark.parametrize("name", DISTURBANCES)
def test_nothing_acknowledged_is_lost_and_nothing_done_twice_whatever_happens_to_postgresql(
    start: Start, mortal_postgres: PostgresServer, back_door: BackDoor, shop: Shop, shell: Shell, name: str
) -> None:
    disturbance = DISTURBANCES[name]
    server = start(REMORA_DATABASE_TIMEOUT=str(TIMEOUT_SECONDS))
    clients = [shop.client(40, platform_client_id=f"U{number}") for number in range(4)]
    fresh, answers, pending = orders(clients), dict[Order, httpx.Response](), list[Order]()
    for nth in range(1, disturbance.rounds + 1):
        begins_after = 1 + nth * 11 % 30
        load = [*pending, *itertools.islice(fresh, max(0, begins_after - len(pending)) + AFTERWARDS)]
        sent = send(
            server.api, shop, load, after=begins_after, then=partial(disturbance.begin, mortal_postgres, back_door)
        )
        assert not sent.unanswered, "the server of ours was there all the time"
        pending = taken_note_of(sent.answers, answers)
        if disturbance.away:
            assert pending
            assert_away(server, shop, clients[0])
        disturbance.end(mortal_postgres)
        until(lambda: server.http.get("/readyz").status_code == 200)
        audit(back_door, answers, pending)
    last = send(server.api, shop, pending)
    assert taken_note_of(last.answers, answers) == []
    audit(back_door, answers, [])
    again = send(server.api, shop, list(answers))
    for order, response in again.answers:
        assert response.headers["idempotent-replayed"] == "true"
        assert (response.status_code, response.content) == (answers[order].status_code, answers[order].content)
    audit(back_door, answers, [])
    shell.ok("verify")
    server.end()
    assert not [line for line in server.log if "Traceback" in line or '"status":500' in line]


def orders(clients: list[str]) -> Iterator[Order]:
    """Grants, spends and holds without end; more is asked for than is given, so some are refused."""
    chance = random.Random(20_270_115)
    for number in itertools.count():
        kind = chance.choice(["grant", "spend", "spend", "hold"])
        yield Order(kind, chance.choice(clients), chance.randint(1, 6), f"order-{number}")


def taken_note_of(sent: list[tuple[Order, httpx.Response]], answers: dict[Order, httpx.Response]) -> list[Order]:
    """Add what was decided to the answers; the orders that have to be sent again."""
    pending = []
    for order, response in sent:
        assert response.elapsed.total_seconds() < PATIENCE_SECONDS
        if response.status_code == 503:
            assert_told_to_come_back(response)
            pending.append(order)
        else:
            assert response.status_code in {200, 409}, response.text
            answers[order] = response
    return pending


def assert_told_to_come_back(response: httpx.Response) -> None:
    assert refused(response) == (503, 503), response.text
    assert int(response.headers["retry-after"]) >= 1


def assert_away(server: Server, shop: Shop, client_id: str) -> None:
    """All that needs the database is told to come back, soon; and only that."""
    assert server.http.get("/healthz").status_code == 200
    for answer in (
        server.http.get("/readyz"),
        server.api.look_up(shop, clientIds=[client_id]),
        server.api.ledger(shop, "history", clientId=client_id),
        server.api.exchange(shop),
    ):
        assert_told_to_come_back(answer)
        assert answer.elapsed.total_seconds() < PATIENCE_SECONDS


def audit(back_door: BackDoor, answers: dict[Order, httpx.Response], pending: list[Order]) -> None:
    """Whatever was answered is there, once and as answered; of the rest each is there whole, or not at all."""
    found = disk.read(back_door)
    found.assert_whole()
    for order, response in answers.items():
        found.assert_kept(order, response)
    assert found.keys.keys() <= {order.key for order in (*answers, *pending)}


@pytest.mark.parametrize("name", ["killed", "paused"])
def test_a_stop_while_postgresql_is_away_is_not_waited_for_for_ever(
    start: Start, mortal_postgres: PostgresServer, back_door: BackDoor, shop: Shop, name: str
) -> None:
    server, client_id = start(REMORA_DATABASE_TIMEOUT=str(TIMEOUT_SECONDS)), shop.client()
    DISTURBANCES[name].begin(mortal_postgres, back_door)
    # One that was accepted and cannot be carried out; the others come while it is waited for.
    sent = send(
        server.api,
        shop,
        [Order("grant", client_id, 1, f"order-{number}") for number in range(THREADS)],
        after=1,
        then=lambda: server.signal(signal.SIGTERM),
    )
    for _, response in sent.answers:
        assert_told_to_come_back(response)
    assert server.ended() == 0
    assert not any("Traceback" in line for line in server.log)
    DISTURBANCES[name].end(mortal_postgres)
