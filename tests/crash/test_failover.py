"""A primary that is killed under load, and the standby that takes its place: nothing that was acknowledged is lost."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import httpx
import psycopg
import pytest

from remora.settings import PostgresUrl, Secret, Settings
from tests.backdoor import BackDoor
from tests.cast import Shop
from tests.crash.load import Order, send
from tests.crash.server import Start
from tests.crash.test_postgresql_away import AFTERWARDS, TIMEOUT_SECONDS, assert_away, audit, orders, taken_note_of
from tests.eventually import until
from tests.servers.postgresql import PostgresServer
from tests.servers.standby import Standby
from tests.shell import Shell
from tests.stores import PostgresStore, settings_of, text_of


@pytest.fixture
def primary() -> Iterator[PostgresServer]:
    with PostgresServer(durable=True) as server:
        yield server


@pytest.fixture
def standby(primary: PostgresServer) -> Iterator[Standby]:
    """It has whatever the primary has answered: a commit waits for it."""
    with Standby(primary) as server:
        with psycopg.connect(primary.url("postgres"), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
        yield server


@pytest.fixture
def settings(primary: PostgresServer, standby: Standby) -> Settings:
    """The URL names both; the one that can be written to is meant."""
    url = text_of(PostgresStore(primary.databases).migrated())
    first = f"{primary.host}:{primary.port}"
    return settings_of(PostgresUrl(Secret(url.replace(first, f"{first},{standby.host}:{standby.port}"))))


def test_a_standby_takes_over_with_all_that_was_acknowledged(
    start: Start, primary: PostgresServer, standby: Standby, back_door: BackDoor, shop: Shop, shell: Shell
) -> None:
    server = start(REMORA_DATABASE_TIMEOUT=str(TIMEOUT_SECONDS))
    clients = [shop.client(40, platform_client_id=f"U{number}") for number in range(4)]
    answers: dict[Order, httpx.Response] = {}
    load = list(itertools.islice(orders(clients), 40 + AFTERWARDS))
    pending = taken_note_of(send(server.api, shop, load, after=40, then=primary.kill).answers, answers)
    assert pending
    # The standby answers, but cannot be written to: that is as good as none.
    assert_away(server, shop, clients[0])
    standby.promote()
    until(lambda: server.http.get("/readyz").status_code == 200)
    audit(back_door, answers, pending)
    assert taken_note_of(send(server.api, shop, pending).answers, answers) == []
    audit(back_door, answers, [])
    shell.ok("verify")
    server.end()
    assert not [line for line in server.log if "Traceback" in line or '"status":500' in line]
