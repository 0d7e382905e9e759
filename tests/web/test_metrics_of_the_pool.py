"""On PostgreSQL: the pool of connections, and the engine that looks up what waits together."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace

from remora import settings as environment
from remora.service.installation import Installation, migrate, open_installation
from remora.settings import PostgresUrl, Secret, Settings
from remora.storage.postgresql import PostgresDatabase
from tests.cast import POINT, SIGNING_KEY, Api, ManualClock, open_shop, refused
from tests.scraped import scrape
from tests.servers.databases import Databases

MOST = 4


@pytest.fixture
def far_away(postgres: Databases) -> Iterator[tuple[Installation, Settings]]:
    """An installation on PostgreSQL that waits for a second, and its settings."""
    name = f"pool_{uuid.uuid4().hex}"
    settings = replace(
        environment.load({}),
        database=PostgresUrl(Secret(postgres.create(name))),
        database_timeout_seconds=1,
        pool_size=MOST,
        signing_key=SIGNING_KEY,
    )
    migrate(settings, ManualClock())
    installation = open_installation(settings, ManualClock(), serving=True)
    yield installation, settings
    installation.close()
    postgres.drop(name)


@pytest.fixture
def installation(far_away: tuple[Installation, Settings]) -> Installation:
    return far_away[0]


@pytest.fixture
def api(far_away: tuple[Installation, Settings], serve: Callable[[Installation, Settings], Api]) -> Api:
    return serve(*far_away)


def test_connections_are_told(api: Api) -> None:
    found = scrape(api.http)
    assert found.total("remora_pool_max", worker="0") == MOST
    assert 1 <= found.total("remora_pool_size", worker="0") <= MOST
    assert found.total("remora_pool_available", worker="0") <= MOST
    assert found.total("remora_pool_waiting") == 0
    assert found.total("remora_pool_timeouts_total") == 0


def test_look_ups_are_batches_of_the_reader(api: Api, far_away: tuple[Installation, Settings]) -> None:
    installation, settings = far_away
    shop = open_shop(installation, "teaShop01")
    one, two = shop.client(1, platform_client_id="a"), shop.client(2, platform_client_id="b")
    api.look_up(shop, clientIds=[one, two])
    found = scrape(api.http)
    # Who asks is one, and each id is one.
    assert found.total("remora_batch_items_sum", engine="reader") == 3
    assert found.total("remora_queue_limit", engine="reader") == settings.queue_limit * 10


def test_waiting_in_vain_for_a_connection_is_counted(api: Api, far_away: tuple[Installation, Settings]) -> None:
    installation, _ = far_away
    shop = open_shop(installation, "teaShop01")
    client_id = shop.client(1)
    assert isinstance(installation.database, PostgresDatabase)
    pool = installation.database.pool
    taken = [pool.getconn() for _ in range(MOST)]
    try:
        assert refused(api.look_up(shop, clientIds=[client_id])) == (503, 503)
        found = scrape(api.http)
    finally:
        for connection in taken:
            pool.putconn(connection)
    assert found.total("remora_pool_available") == 0
    assert found.total("remora_pool_timeouts_total") >= 1
    assert found.total("remora_pool_wait_seconds_total") > 0
    assert found.total("remora_ready") == 0
    assert found.total("remora_requests_total", route=POINT, status="503", code="503") == 1
    ready, later = scrape(api.http), scrape(api.http)
    assert ready.total("remora_ready") == later.total("remora_ready") == 1
    assert ready.total("remora_pool_timeouts_total") == later.total("remora_pool_timeouts_total")


NO_COMMIT = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = 'serialization_failure'; END $$;
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON entries DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION refuse();
"""


def test_points_whose_commit_fails_are_not_counted(api: Api, far_away: tuple[Installation, Settings]) -> None:
    installation, _ = far_away
    shop = open_shop(installation, "teaShop01")
    client_id = shop.client()
    with installation.database.write() as tx:
        tx.script(NO_COMMIT)
    assert refused(api.ledger(shop, "grant", "k1", clientId=client_id, points=5)) == (503, 503)
    assert list(scrape(api.http).find("remora_points_total")) == []
    with installation.database.write() as tx:
        tx.script("DROP TRIGGER refuse ON entries;")
    assert api.ledger(shop, "grant", "k1", clientId=client_id, points=5).status_code == 200
    assert scrape(api.http).total("remora_points_total", kind="granted") == 5
