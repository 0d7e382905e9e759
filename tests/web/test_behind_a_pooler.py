"""PostgreSQL behind PgBouncer: each transaction may get another connection, and there are fewer than callers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from msgspec.structs import replace

from remora.ledger.commands import Grant, Spend
from remora.service import lookup, points, verify
from remora.service.installation import Installation, migrate, open_installation
from remora.settings import DatabaseUrl, PostgresUrl, Secret, Settings
from tests.backdoor import BackDoor
from tests.cast import SECOND, Api, ManualClock, Shop, open_shop, refused
from tests.eventually import SECONDS, until
from tests.servers.databases import Databases
from tests.servers.pgbouncer import PgBouncer
from tests.stores import PostgresStore, settings_of, text_of

INSTALLATIONS = 3
THREADS = 24
"""PgBouncer has ten connections to the database."""


class PooledStore:
    """PostgreSQL's databases, by way of a pooler."""

    dialect = "postgresql"

    def __init__(self, store: PostgresStore, pgbouncer: PgBouncer) -> None:
        self._store = store
        self._pgbouncer = pgbouncer
        self._direct: dict[DatabaseUrl, DatabaseUrl] = {}

    def empty(self) -> DatabaseUrl:
        return self._pooled(self._store.empty())

    def migrated(self) -> DatabaseUrl:
        return self._pooled(self._store.migrated())

    def drop(self, url: DatabaseUrl) -> None:
        self._store.drop(self._direct.pop(url))

    def _pooled(self, url: DatabaseUrl) -> DatabaseUrl:
        pooled = PostgresUrl(Secret(self._pgbouncer.url(text_of(url))))
        self._direct[pooled] = url
        return pooled


@pytest.fixture(scope="module")
def store(postgresql_store: PostgresStore, pgbouncer: PgBouncer) -> PooledStore:
    return PooledStore(postgresql_store, pgbouncer)


def assert_clean(installation: Installation, shop: Shop) -> None:
    assert list(verify.verify(installation, shop.bot_id, lambda _: None)) == []


def test_a_database_is_migrated_through_it(empty: DatabaseUrl) -> None:
    assert migrate(settings_of(empty), ManualClock())
    open_installation(settings_of(empty), ManualClock()).close()


def test_every_call_answers_as_it_does_without_one(
    api: Api, installation: Installation, shop: Shop, clock: ManualClock
) -> None:
    registered = api.post(
        "/api/openapi/client/register",
        shop,
        {"secret": shop.secret, "platform": "line", "platformClientIds": ["U1", "U2"]},
    )
    client_id = registered.json()["clients"][0]["clientId"]
    assert api.ledger(shop, "grant", "k1", clientId=client_id, points=50).json()["available"] == 50
    assert api.ledger(shop, "spend", "k2", clientId=client_id, points=5).json()["available"] == 45
    again = api.ledger(shop, "spend", "k2", clientId=client_id, points=5)
    assert (again.json()["available"], again.headers["idempotent-replayed"]) == (45, "true")
    assert refused(api.ledger(shop, "spend", "k2", clientId=client_id, points=6)) == (409, 900003)
    assert refused(api.ledger(shop, "spend", "k3", clientId=client_id, points=46)) == (409, 900006)
    holds = [
        api.ledger(shop, "hold", f"h{nth}", clientId=client_id, points=10, timeoutSeconds=60).json()["holdId"]
        for nth in range(3)
    ]
    assert api.ledger(shop, "capture", "k4", clientId=client_id, holdId=holds[0]).json()["available"] == 15
    assert api.ledger(shop, "release", "k5", clientId=client_id, holdId=holds[1]).json()["available"] == 25
    assert api.ledger(shop, "reverse", "k6", clientId=client_id, entryId=f"{client_id}-2").json()["available"] == 30
    new = {
        "kind": "grant",
        "key": "b1",
        "platform": "line",
        "platformClientId": "new",
        "points": 7,
        "createClient": True,
    }
    [done] = api.ledger(shop, "batch", operations=[new]).json()["results"]
    assert (done["outcome"], done["available"]) == ("done", 7)
    # The third hold times out without anybody's having settled it.
    clock.time += 60 * SECOND
    found = api.look_up(shop, clientIds=[client_id], platform="line", platformClientIds=["U1", "new", "U3"]).json()
    assert [row["points"] for row in found["points"]] == [40, 40, 7]
    kinds = [each["kind"] for each in api.ledger(shop, "history", clientId=client_id).json()["entries"]]
    assert kinds == ["timeout", "reverse", "release", "capture", "hold", "hold", "hold", "spend", "grant"]
    assert api.ledger(shop, "explain", clientId=client_id).json()["available"] == 40
    pair = api.exchange(shop).json()
    assert refused(api.look_up(shop, clientIds=[client_id])) == (404, 120000)
    assert api.points_of(Shop(installation, shop.bot_id, pair["apiToken"], pair["apiSecret"]), client_id) == 40
    assert api.http.get("/readyz").status_code == 200
    assert_clean(installation, shop)


@pytest.fixture
def others(settings: Settings, clock: ManualClock) -> Iterator[list[Installation]]:
    """As many more with a pool of their own as several servers would have."""
    opened = [open_installation(settings, clock, serving=True) for _ in range(INSTALLATIONS)]
    yield opened
    for each in opened:
        each.close()


def test_more_callers_than_it_has_connections_are_all_answered_right(
    others: list[Installation], installation: Installation, shop: Shop
) -> None:
    everyones, own = shop.client(1_000), [shop.client(platform_client_id=f"V{number}") for number in range(THREADS)]

    def work(number: int) -> None:
        ours, mine = others[number % INSTALLATIONS], own[number]
        for nth in range(1, 6):
            points.order(ours, shop.bot_id, everyones, Spend(1), f"spend-{number}-{nth}")
            assert points.order(ours, shop.bot_id, mine, Grant(1), f"grant-{number}-{nth}").available == nth
            found = lookup.balances(ours, shop.bot_id, [mine, everyones, "nobody"])
            assert found[mine].points == nth
            assert 1_000 - 5 * THREADS <= found[everyones].points < 1_000

    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(work, number) for number in range(THREADS)]:
            done.result(SECONDS)
    found = lookup.balances(installation, shop.bot_id, [everyones, *own])
    assert [each.points for each in found.values()] == [1_000 - 5 * THREADS] + [5] * THREADS
    assert_clean(installation, shop)


def test_what_we_set_is_left_to_nobody_who_gets_the_connection_next(settings: Settings, shop: Shop) -> None:
    shop.client(5)
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    with psycopg.connect(text_of(settings.database), autocommit=True, prepare_threshold=None) as another:
        for name in names:
            assert another.execute(f"SHOW {name}".encode()).fetchall() == [("0",)]


def test_waits_are_bounded_through_it(
    serve: Callable[[Installation, Settings], Api],
    settings: Settings,
    clock: ManualClock,
    back_door: BackDoor,
    shop: Shop,
) -> None:
    client_id = shop.client(1)
    settings = replace(settings, database_timeout_seconds=1)
    impatient = open_installation(settings, clock, serving=True)
    api = serve(impatient, settings)
    with back_door.busy():
        answer = api.ledger(shop, "grant", "k1", clientId=client_id, points=1)
        assert (refused(answer), answer.headers["retry-after"]) == ((503, 503), "1")
        assert api.points_of(shop, client_id) == 1, "a reader waits for no writer"
    assert api.ledger(shop, "grant", "k1", clientId=client_id, points=1).json()["available"] == 2
    impatient.close()


def test_one_that_is_killed_is_come_back_to(
    serve: Callable[[Installation, Settings], Api],
    postgres: Databases,
    postgresql_store: PostgresStore,
    clock: ManualClock,
) -> None:
    url = postgresql_store.migrated()
    with PgBouncer(postgres.server) as pooler:
        pooled = PostgresUrl(Secret(pooler.url(text_of(url))))
        settings = replace(settings_of(pooled), database_timeout_seconds=1)
        installation = open_installation(settings, clock, serving=True)
        shop = open_shop(installation, "teaShop01")
        api, client_id = serve(installation, settings), shop.client()
        for nth in range(1, 4):
            assert api.ledger(shop, "grant", f"k{nth}", clientId=client_id, points=1).json()["available"] == nth
            pooler.kill()
            assert refused(api.look_up(shop, clientIds=[client_id])) == (503, 503)
            assert refused(api.http.get("/readyz")) == (503, 503)
            pooler.start()
            until(lambda: api.http.get("/readyz").status_code == 200)
            assert api.points_of(shop, client_id) == nth
        assert_clean(installation, shop)
        installation.close()
    postgresql_store.drop(url)
