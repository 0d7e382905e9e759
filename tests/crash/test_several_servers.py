"""Several `remora serve` on one PostgreSQL database: together they are as right as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import httpx
import pytest

from remora.service import lookup
from remora.service.installation import Installation
from tests.backdoor import BackDoor
from tests.cast import Shop, refused
from tests.crash.disk import INSUFFICIENT_POINTS
from tests.crash.load import Order, send
from tests.crash.server import Server, Start
from tests.eventually import SECONDS
from tests.shell import Shell
from tests.stores import PostgresStore

Result = TypeVar("Result")

SERVERS = 3
KEYS = 200
KEY_REUSED = 900003
PAIR_SUPERSEDED = 120000


@pytest.fixture(scope="module")
def store(postgresql_store: PostgresStore) -> PostgresStore:
    return postgresql_store


@pytest.fixture
def servers(start: Start) -> list[Server]:
    with ThreadPoolExecutor(SERVERS) as pool:
        return list(pool.map(lambda _: start(), range(SERVERS)))


@pytest.fixture(autouse=True)
def _without_a_fault(servers: list[Server], back_door: BackDoor, shell: Shell) -> Any:
    """Whatever was asked of them: none waited for another that waited for it, and the ledger is right."""
    yield
    shell.ok("verify")
    for server in servers:
        server.end()
        assert not [line for line in server.log if "Traceback" in line or '"status":50' in line]
    assert back_door.rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == [(0,)]


def at_once(servers: Sequence[Server], ask: Callable[[Server], Result]) -> list[Result]:
    """Ask all the servers the same at the same time."""
    with ThreadPoolExecutor(len(servers)) as pool:
        return [done.result(SECONDS) for done in [pool.submit(ask, server) for server in servers]]


def available(installation: Installation, shop: Shop, client_id: str) -> int:
    return lookup.balances(installation, shop.bot_id, [client_id])[client_id].points


def test_a_client_that_everyone_writes_to_ends_with_the_exact_balance(
    servers: list[Server], installation: Installation, shop: Shop
) -> None:
    client_id = shop.client(1_000)

    def work(server: Server) -> int:
        kinds = [("grant", 3), ("spend", 2), ("hold", 1)] * 30
        orders = [Order(kind, client_id, points, f"{server.url}-{n}") for n, (kind, points) in enumerate(kinds)]
        sent = send(server.api, shop, orders)
        assert {response.status_code for _, response in sent.answers} == {200}
        return len(sent.answers)

    assert at_once(servers, work) == [90] * SERVERS
    # A third each of +3, -2 and -1.
    assert available(installation, shop, client_id) == 1_000


def test_points_that_all_spend_at_once_are_spent_once(
    servers: list[Server], installation: Installation, shop: Shop
) -> None:
    client_id = shop.client(30, 30)

    def work(server: Server) -> list[httpx.Response]:
        orders = [Order("spend", client_id, 1, f"{server.url}-{number}") for number in range(30)]
        return [response for _, response in send(server.api, shop, orders).answers]

    answers = [response for responses in at_once(servers, work) for response in responses]
    spent = [response.json() for response in answers if response.status_code == 200]
    assert sorted(answer["available"] for answer in spent) == list(range(60))
    assert len({answer["entry"]["entryId"] for answer in spent}) == 60
    late = [refused(response) for response in answers if response.status_code != 200]
    assert late == [(409, INSUFFICIENT_POINTS)] * (30 * SERVERS - 60)
    assert available(installation, shop, client_id) == 0


def test_one_key_that_comes_to_all_at_once_is_decided_once_and_all_are_told_the_same(
    servers: list[Server], installation: Installation, shop: Shop
) -> None:
    client_id = shop.client(10)
    for number in range(15):
        order = Order("spend", client_id, 1, f"order-{number}")
        answers = at_once(servers, lambda server, order=order: order.send(server.api, shop))  # type: ignore[misc]
        assert len({(answer.status_code, answer.content) for answer in answers}) == 1
        assert answers[0].status_code == (200 if number < 10 else 409)
        replayed = Counter(answer.headers.get("idempotent-replayed") for answer in answers)
        assert replayed == {None: 1, "true": SERVERS - 1}
    assert available(installation, shop, client_id) == 0


def test_one_key_that_comes_for_different_clients_at_once_is_one_clients(
    servers: list[Server], installation: Installation, shop: Shop
) -> None:
    clients = {server.url: shop.client(platform_client_id=server.url) for server in servers}
    for number in range(15):

        def grant(server: Server, key: str = f"order-{number}") -> httpx.Response:
            return Order("grant", clients[server.url], 1, key).send(server.api, shop)

        answers = at_once(servers, grant)
        assert sorted(answer.status_code for answer in answers) == [200] + [409] * (SERVERS - 1)
        assert {refused(answer) for answer in answers if answer.status_code == 409} == {(409, KEY_REUSED)}
    assert sum(available(installation, shop, client_id) for client_id in clients.values()) == 15


def test_batches_with_the_same_clients_in_opposite_orders_never_wait_for_each_other(
    servers: list[Server], installation: Installation, shop: Shop
) -> None:
    clients = [shop.client(platform_client_id=f"U{number}") for number in range(40)]

    def batches(server: Server) -> None:
        for number in range(8):
            operations = [grant(client_id, f"{server.url}-{number}-{client_id}") for client_id in clients]
            answer = server.api.ledger(shop, "batch", operations=backwards(operations, servers.index(server) + number))
            assert {result["outcome"] for result in answer.json()["results"]} == {"done"}

    at_once(servers, batches)
    assert {available(installation, shop, client_id) for client_id in clients} == {8 * SERVERS}


def test_batches_with_the_same_keys_in_opposite_orders_never_wait_for_each_other(
    servers: list[Server], installation: Installation, shop: Shop
) -> None:
    clients = {server.url: shop.client(platform_client_id=server.url) for server in servers}
    for number in range(6):

        def batch(server: Server, number: int = number) -> list[str | int]:
            """What came of each key."""
            operations = [grant(clients[server.url], f"{number}-{key}") for key in range(KEYS)]
            turn = servers.index(server) + number
            answer = server.api.ledger(shop, "batch", operations=backwards(operations, turn))
            return [result.get("code", "done") for result in backwards(answer.json()["results"], turn)]

        for outcomes in zip(*at_once(servers, batch), strict=True):
            assert Counter(outcomes) == {"done": 1, KEY_REUSED: SERVERS - 1}
    assert sum(available(installation, shop, client_id) for client_id in clients.values()) == 6 * KEYS


def backwards(each: list[dict[str, Any]], turn: int) -> list[dict[str, Any]]:
    return each[::-1] if turn % 2 else each


def grant(client_id: str, key: str) -> dict[str, Any]:
    return {"kind": "grant", "key": key, "clientId": client_id, "points": 1}


def test_a_new_client_that_all_make_at_once_is_made_once(
    servers: list[Server], back_door: BackDoor, shop: Shop
) -> None:
    for number in range(10):

        def make(server: Server, name: str = f"U{number}") -> tuple[str, int]:
            body = {"platform": "line", "platformClientId": name, "points": 1, "createClient": True}
            answer = server.api.ledger(shop, "grant", f"{name}-{server.url}", **body).json()
            return answer["entry"]["entryId"].rpartition("-")[0], answer["available"]

        made = at_once(servers, make)
        assert len({client_id for client_id, _ in made}) == 1
        assert sorted(points for _, points in made) == list(range(1, SERVERS + 1))
    assert back_door.rows("SELECT count(*), count(DISTINCT platform_client_id) FROM clients") == [(10, 10)]


def test_clients_that_all_register_at_once_are_made_once(
    servers: list[Server], back_door: BackDoor, shop: Shop
) -> None:
    names = [f"U{number}" for number in range(90)]

    def register(server: Server) -> dict[str, str]:
        found: dict[str, str] = {}
        turn = servers.index(server)
        for start in range(0, 90, 15):
            # Overlapping parts, some of them backwards, beside orders that make clients of the same names.
            part = names[start : start + 30][:: -1 if turn % 2 else 1]
            answer = server.api.post(
                "/api/openapi/client/register",
                shop,
                {"secret": shop.secret, "platform": "line", "platformClientIds": part},
            )
            assert answer.status_code == 200, answer.text
            found |= {each["platformClientId"]: each["clientId"] for each in answer.json()["clients"]}
            body = {"platform": "line", "platformClientId": f"U{start + turn}", "points": 1, "createClient": True}
            assert server.api.ledger(shop, "grant", f"{turn}-{start}", **body).status_code == 200
        return found

    found = at_once(servers, register)
    assert all(each == found[0] for each in found)
    assert len(set(found[0].values())) == 90
    assert back_door.rows("SELECT count(*) FROM clients") == [(90,)]


def test_of_exchanges_that_all_make_at_once_one_is_right(servers: list[Server], shop: Shop) -> None:
    for _ in range(5):
        answers = at_once(servers, lambda server: server.api.exchange(shop))
        [won] = [answer for answer in answers if answer.status_code == 200]
        assert {refused(answer) for answer in answers if answer is not won} == {(404, PAIR_SUPERSEDED)}
        shop.token, shop.secret = won.json()["apiToken"], won.json()["apiSecret"]
        assert {each.api.exchange(shop, secret="wrong").status_code for each in servers} == {403}
