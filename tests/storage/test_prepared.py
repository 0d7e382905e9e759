"""When a statement is prepared, and when again."""

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
from remora.storage.prepared import TIMES, USES, Prepared
from tests.backdoor import BackDoor
from tests.cast import ManualClock, Shop
from tests.storage.conftest import Open
from tests.storage.on_postgresql import set_default, setting
from tests.stores import PostgresStore

FIND = b"operations_find"

ONCE = (
    *("accounts_lock", "operations_find", "callers_find", "balances_by_client_id"),
    *("entry_add", "lot_add", "account_save", "operation_add"),
)
"""What look-ups and grants consist of."""


@pytest.fixture(scope="module")
def store(postgresql_store: PostgresStore) -> PostgresStore:
    return postgresql_store


def test_a_statement_is_prepared_again_when_it_was_used_ten_times_as_often() -> None:
    prepared = Prepared()
    used = [prepared.use(FIND) for _ in range(USES * TIMES * TIMES + 1)]
    assert [number for number, (_, is_new) in enumerate(used, 1) if is_new] == [
        1,
        USES + 1,
        USES * TIMES + 1,
        USES * TIMES * TIMES + 1,
    ]


def test_it_is_used_under_the_name_that_it_was_prepared_under_last() -> None:
    prepared, known = Prepared(), set()
    for name, is_new in (prepared.use(FIND) for _ in range(USES * TIMES + 1)):
        assert is_new == (name not in known)
        known.add(name)
    assert len(known) == 3


def test_statements_are_counted_apart() -> None:
    prepared = Prepared()
    for _ in range(USES):
        prepared.use(FIND)
    assert prepared.use(b"another") == (b"another", True)
    assert prepared.use(FIND)[1]


def test_keys_are_not_searched_for_from_end_to_end_because_there_were_none_at_first(
    shop: Shop, settings: Settings, clock: ManualClock, back_door: BackDoor
) -> None:
    """A server keeps a plan that it has made five times. Here it is made while reading all there is takes the least."""
    client_id = shop.client()
    serving = open_installation(settings, clock, serving=True)
    back_door.run("VACUUM ANALYZE operations")
    keys = (f"key-{number:04}" for number in count())
    for _ in range(USES):
        grant(serving, shop, client_id, *islice(keys, 400))
    assert "Seq Scan on operations" in plan(serving, FIND)
    grant(serving, shop, client_id, *islice(keys, 1))
    assert "Seq Scan on operations" in plan(serving, FIND), "the first plan is kept"
    assert "Index Scan using operations_pkey" in plan(serving, FIND + b"_1")
    serving.close()


def test_a_few_keys_are_not_planned_for_each_time(shop: Shop, settings: Settings, clock: ManualClock) -> None:
    """The server would: it takes a list of which it does not know how long it is for one of ten."""
    serving = open_installation(settings, clock, serving=True)
    client_id = shop.client()
    for number in range(1, USES + 1):
        grant(serving, shop, client_id, f"key-{number}")
        assert lookup.balances(serving, shop.bot_id, [client_id])[client_id].points == number
    with connection_of(serving) as connection:
        rows = connection.execute("SELECT name, custom_plans FROM pg_prepared_statements").fetchall()
    planned = {name: times for name, times in rows if name in ONCE}
    assert planned == dict.fromkeys(ONCE, 0)
    serving.close()


@pytest.mark.parametrize(
    ("patient", "elsewhere", "mode"),
    [(False, False, "force_generic_plan"), (True, False, "auto"), (False, True, "auto")],
    ids=["serving", "shell", "citus"],
)
def test_only_what_serves_is_planned_once(
    open_one: Open, back_door: BackDoor, mode: str, *, patient: bool, elsewhere: bool
) -> None:
    """Spans differ, and Citus has to know the values. A setting of its own says that its library is loaded."""
    if elsewhere:
        set_default(back_door, "citus.shard_count = 32")
    database = open_one(patient=patient)
    with database.write() as tx:
        assert setting(tx, "plan_cache_mode") == mode
    with database.read() as tx:
        assert setting(tx, "plan_cache_mode") == "auto"


def grant(installation: Installation, shop: Shop, client_id: str, *keys: str) -> None:
    orders = [Order(Who(client_id), Grant(1), key) for key in keys]
    desk.carry_out(installation, shop.bot_id, [Job((order,)) for order in orders])


def connection_of(installation: Installation) -> AbstractContextManager[Connection]:
    """The one that was used last."""
    assert isinstance(installation.database, PostgresDatabase)
    return installation.database.pool.connection()


def plan(installation: Installation, name: bytes) -> str:
    """How the server carries out a statement that it has prepared for the connection."""
    with connection_of(installation) as connection:
        rows = connection.execute(f"EXPLAIN EXECUTE {name.decode()}('[\"key-0001\"]', 'bot')".encode()).fetchall()
    return "\n".join(text for (text,) in rows)
