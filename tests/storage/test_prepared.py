"""When a statement is prepared, and when it is planned."""

from __future__ import annotations

from contextlib import AbstractContextManager
from itertools import count, islice

import pytest

from remora.ledger.commands import Grant
from remora.service import desk, lookup
from remora.service.installation import Installation, open_installation
from remora.service.orders import Job, Order, Who
from remora.settings import Settings
from remora.storage.connection import Connection
from remora.storage.postgresql import PostgresDatabase
from remora.storage.prepared import OLD_SECONDS, Prepared
from tests.backdoor import BackDoor
from tests.cast import ManualClock, Shop
from tests.stores import PostgresStore

FIND = b"operations_find"


@pytest.fixture(scope="module")
def store(postgresql_store: PostgresStore) -> PostgresStore:
    return postgresql_store


def test_a_statement_is_prepared_once() -> None:
    prepared = Prepared()
    assert prepared.use(FIND)
    assert prepared.use(b"another")
    assert not prepared.use(FIND)


def test_plans_are_old_after_a_second() -> None:
    seconds = iter([7.0, 7.5, 7.9, 8.1, 9.0, 9.2])
    prepared = Prepared(lambda: next(seconds))
    assert [prepared.renew() for _ in range(5)] == [False, False, True, False, True]


def test_keys_are_not_searched_for_from_end_to_end_because_there_were_none_at_first(
    shop: Shop, settings: Settings, clock: ManualClock, back_door: BackDoor
) -> None:
    """A server keeps a plan that it has made five times. Here it is made while reading all there is takes the least."""
    client_id = shop.client()
    serving = open_installation(settings, clock, serving=True)
    back_door.run("VACUUM ANALYZE operations")
    keys = (f"key-{number:04}" for number in count())
    let_time_pass(serving, 0)
    for _ in range(10):
        grant(serving, shop, client_id, *islice(keys, 1))
    assert "Seq Scan on operations" in plan(serving, FIND)
    for _ in range(5):
        grant(serving, shop, client_id, *islice(keys, 400))
    assert "Seq Scan on operations" in plan(serving, FIND), "the plan is kept"
    let_time_pass(serving, OLD_SECONDS)
    grant(serving, shop, client_id, *islice(keys, 1))
    assert "Index Scan using operations_pkey" in plan(serving, FIND)
    serving.close()


@pytest.mark.parametrize(("asked", "made_for"), [(1, 1), (2, 2), (3, 4), (8, 8)])
def test_a_few_are_looked_up_without_a_plan_for_each_time(
    shop: Shop, settings: Settings, clock: ManualClock, asked: int, made_for: int
) -> None:
    """For a list the server would make one, as it takes it for one of ten."""
    serving = open_installation(settings, clock, serving=True)
    clients = [shop.client(7, platform_client_id=str(number)) for number in range(asked)]
    let_time_pass(serving, 0)
    for _ in range(20):
        assert [each.points for each in lookup.balances(serving, shop.bot_id, clients).values()] == [7] * asked
    assert plans(serving)[f"balances_by_client_id_of_{made_for}"] == (15, 5)
    serving.close()


def test_plans_may_grow_old_at_the_end_of_any_part(shop: Shop, settings: Settings, clock: ManualClock) -> None:
    """Of what reads, of what reads and is not committed yet, and of COMMIT."""
    client_id = shop.client()
    serving = open_installation(settings, clock, serving=True)
    with connection_of(serving) as connection:
        prepared, ends = connection.prepared, count(1)
        start = prepared.now()
        prepared.now = lambda: start + next(ends) * OLD_SECONDS
    for number in range(1, 4):
        grant(serving, shop, client_id, f"key-{number}")
        assert lookup.balances(serving, shop.bot_id, [client_id])[client_id].points == number
    with serving.database.read() as tx:
        first = tx.one("client_count", bot_id=shop.bot_id)
        shop.client(platform_client_id="U2")
        assert tx.one("client_count", bot_id=shop.bot_id) == first, "one snapshot for all of it"
    assert next(ends) > 3 * len(("read for a grant", "its COMMIT", "looked up")), "each end made its plans old"
    serving.close()


def grant(installation: Installation, shop: Shop, client_id: str, *keys: str) -> None:
    orders = [Order(Who(client_id), Grant(1), key) for key in keys]
    desk.carry_out(installation, shop.bot_id, [Job((order,)) for order in orders])


def connection_of(installation: Installation) -> AbstractContextManager[Connection]:
    """The one that was used last."""
    assert isinstance(installation.database, PostgresDatabase)
    return installation.database.pool.connection()


def let_time_pass(installation: Installation, seconds: float) -> None:
    """Stop the time by which a connection's plans grow old, so many seconds after they were made."""
    with connection_of(installation) as connection:
        then = connection.prepared._planned_at + seconds
        connection.prepared.now = lambda: then


def plan(installation: Installation, name: bytes) -> str:
    """How the server carries out a statement that it has prepared for the connection."""
    with connection_of(installation) as connection:
        rows = connection.execute(f"EXPLAIN EXECUTE {name.decode()}('[\"key-0001\"]', 'bot')".encode()).fetchall()
    return "\n".join(text for (text,) in rows)


def plans(installation: Installation) -> dict[str, tuple[int, int]]:
    """How often each statement was carried out by a plan for all values, and how often by one made for its own."""
    with connection_of(installation) as connection:
        rows = connection.execute("SELECT name, generic_plans, custom_plans FROM pg_prepared_statements").fetchall()
    return {name: (generic, custom) for name, generic, custom in rows}
