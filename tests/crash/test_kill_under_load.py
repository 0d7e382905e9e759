"""`remora serve`, killed under load again and again. (The system lives on, so this is about the process's
memory; that an answer is on the disk itself is the store's promise: SQLite's for synchronous=FULL, PostgreSQL's for
synchronous_commit=on.)
"""

from __future__ import annotations

import itertools
import random
import signal
from collections.abc import Iterator

import httpx

from remora.service.installation import Installation
from tests.backdoor import BackDoor
from tests.cast import Shop
from tests.crash import disk
from tests.crash.load import THREADS, Order, send
from tests.crash.server import Start
from tests.shell import Shell
from tests.stores import Store

ROUNDS = {"sqlite": 20, "postgresql": 10}
"""On SQLite the process that is killed is the one that writes to the disk, too."""
ROUNDS_PER_AUDIT = 5


def test_no_acknowledged_order_is_lost_and_none_is_done_twice_however_often_the_server_is_killed(
    store: Store, start: Start, installation: Installation, back_door: BackDoor, shop: Shop, shell: Shell
) -> None:
    clients = [shop.client(40, platform_client_id=f"U{number}") for number in range(4)]
    # The server's are to be the last open connections, so that whoever comes after the kill has to recover.
    installation.close()
    fresh = orders(clients)
    answers: dict[Order, httpx.Response] = {}
    unanswered: list[Order] = []
    for nth in range(1, ROUNDS[store.dialect] + 1):
        server = start()
        killed_after = 1 + nth * 7 % 30
        # What had no answer comes first. There is work for every thread when the kill comes.
        needed = max(0, killed_after + THREADS - len(unanswered))
        load = [*unanswered, *itertools.islice(fresh, needed)]
        sent = send(server.api, shop, load, after=killed_after, then=lambda: server.signal(signal.SIGKILL))  # noqa: B023
        assert server.ended() == -signal.SIGKILL
        assert len(sent.answers) >= killed_after
        answers.update(sent.answers)
        unanswered = sent.unanswered
        # In the other rounds it is the next server that finds the database as it was left.
        if nth % ROUNDS_PER_AUDIT == 0:
            audit(back_door, answers, unanswered)
            shell.ok("verify")
    server = start()
    last = send(server.api, shop, unanswered)
    assert not last.unanswered
    answers.update(last.answers)
    audit(back_door, answers, [])
    # Every kind of answer was among them.
    assert {(order.kind, response.status_code) for order, response in answers.items()} >= {
        ("grant", 200),
        ("spend", 200),
        ("spend", 409),
        ("hold", 200),
        ("hold", 409),
    }
    again = send(server.api, shop, list(answers))
    assert not again.unanswered
    for order, response in again.answers:
        assert response.headers["idempotent-replayed"] == "true"
        assert (response.status_code, response.content) == (answers[order].status_code, answers[order].content)
    audit(back_door, answers, [])
    shell.ok("verify")


def orders(clients: list[str]) -> Iterator[Order]:
    """Grants, spends and holds without end; more is asked for than is given, so some are refused."""
    chance = random.Random(20_270_115)
    for number in itertools.count():
        kind = chance.choice(["grant", "spend", "spend", "hold"])
        yield Order(kind, chance.choice(clients), chance.randint(1, 6), f"order-{number}")


def audit(back_door: BackDoor, answers: dict[Order, httpx.Response], unanswered: list[Order]) -> None:
    """Whatever was answered is on disk, once and as answered; of the rest each is there whole, or not at all."""
    found = disk.read(back_door)
    found.assert_whole()
    for order, response in answers.items():
        found.assert_kept(order, response)
    assert found.keys.keys() <= {order.key for order in (*answers, *unanswered)}
