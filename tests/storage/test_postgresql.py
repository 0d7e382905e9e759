"""What is PostgreSQL's own: durable and bounded whatever the server's settings. See also
test_postgresql_opening.py and _dying.py, test_database.py, and the tests of a server that is killed in tests/crash.
"""

from __future__ import annotations

import time

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from remora.settings import Settings
from remora.storage.database import Database, Transaction, UniqueViolation
from remora.storage.operations import OPERATION
from remora.storage.postgresql import PostgresDatabase, PostgresTransaction
from tests.backdoor import BackDoor
from tests.cast import Shop
from tests.eventually import SECONDS, until
from tests.servers.pgbouncer import PgBouncer
from tests.storage.conftest import Open
from tests.storage.on_postgresql import (
    KEEP,
    OTHERS,
    VALUE,
    keep,
    kept,
    opened,
    set_default,
    told_that_nothing_was_done,
    url_of,
    write,
)
from tests.stores import PostgresStore


@pytest.fixture(scope="module")
def store(postgresql_store: PostgresStore) -> PostgresStore:
    return postgresql_store


def setting(tx: Transaction, name: str) -> str:
    assert isinstance(tx, PostgresTransaction)
    [(value,)] = tx._connection.execute(SQL("SHOW {}").format(Identifier(name))).fetchall()
    return str(value)


# What is acknowledged is on its disk, and no wait is for ever.


@pytest.mark.parametrize("pooled", [False, True], ids=["direct", "pooled"])
@pytest.mark.parametrize(
    ("default", "ours"), [("off", "on"), ("local", "on"), ("on", "on"), ("remote_apply", "remote_apply")]
)
def test_a_commit_waits_for_the_disk_whatever_the_default_is(
    request: pytest.FixtureRequest, settings: Settings, back_door: BackDoor, default: str, ours: str, *, pooled: bool
) -> None:
    set_default(back_door, f"synchronous_commit = {default}")
    database = opened(through(request, url_of(settings)) if pooled else url_of(settings))
    for transaction in (database.write, database.write, database.read):
        with transaction() as tx:
            assert setting(tx, "synchronous_commit") == ours
    database.close()


@pytest.mark.parametrize("pooled", [False, True], ids=["direct", "pooled"])
def test_every_wait_in_the_server_is_bounded(
    request: pytest.FixtureRequest, settings: Settings, *, pooled: bool
) -> None:
    database = opened(through(request, url_of(settings)) if pooled else url_of(settings), timeout_seconds=7)
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    for transaction in (database.write, database.read):
        with transaction() as tx:
            assert [setting(tx, name) for name in names] == ["7s"] * 3
    database.close()


def through(request: pytest.FixtureRequest, url: str) -> str:
    pgbouncer: PgBouncer = request.getfixturevalue("pgbouncer")
    return pgbouncer.url(url)


def test_the_shells_statements_may_take_their_time(open_one: Open) -> None:
    with open_one(patient=True).write() as tx:
        assert setting(tx, "statement_timeout") == "0"
        assert setting(tx, "lock_timeout") == f"{SECONDS}s"


def test_a_statement_that_takes_too_long_is_given_up(open_one: Open, back_door: BackDoor) -> None:
    database = open_one(database_timeout_seconds=1)
    with told_that_nothing_was_done(), database.write() as tx:
        keep(tx, "a")
        tx.script("SELECT pg_sleep(60)")
    assert not kept(back_door, "a")
    write(database, "b")


def test_a_lock_that_is_waited_for_too_long_is_given_up(open_one: Open, back_door: BackDoor, shop: Shop) -> None:
    database = open_one(database_timeout_seconds=1)
    with told_that_nothing_was_done(), back_door.busy(), database.write() as tx:
        keep(tx, "a")
        tx.one("bot_lock", bot_id=shop.bot_id)
    assert not kept(back_door, "a")
    write(database, "b")


def test_a_transaction_that_nobody_goes_on_with_is_given_up(open_one: Open, back_door: BackDoor) -> None:
    database = open_one(database_timeout_seconds=1)
    with told_that_nothing_was_done(), database.write() as tx:
        keep(tx, "a")
        until(lambda: not back_door.rows(f"SELECT 1 {OTHERS} AND state = 'idle in transaction'"))
    assert not kept(back_door, "a")
    write(database, "b")


def test_a_connection_that_is_not_to_be_had_is_waited_for_only_so_long(open_one: Open) -> None:
    database = open_one(database_timeout_seconds=1, pool_size=1)
    assert isinstance(database, PostgresDatabase)
    with database.pool.connection():
        before = time.monotonic()
        with told_that_nothing_was_done():
            write(database, "a")
        assert time.monotonic() - before < SECONDS
    write(database, "a")


# Statements go by libpq's own pipeline.


def test_a_text_with_nul_is_refused_rather_than_cut_off(database: Database) -> None:
    write(database, "a")
    with pytest.raises(psycopg.DataError, match="NUL"), database.read() as tx:
        tx.one(VALUE, name="a\0b")
    with database.read() as tx:
        assert tx.one(VALUE, name="a") == ("1",)


def test_of_several_statements_that_fail_the_first_is_told(database: Database, shop: Shop) -> None:
    operation = ("a", bytes(32), b"", 0)

    def add_wrong_ones() -> None:
        with database.write() as tx:
            tx.run_many("operation_add", shop.bot_id, OPERATION, [operation, operation])
            tx.run_many("operation_add", shop.bot_id, OPERATION, [("b", b"short", b"", 0)])

    with pytest.raises(UniqueViolation, match="operations_pkey"):
        add_wrong_ones()
    write(database, "b")


def test_whoever_writes_alone_always_has_the_same_connection(database: Database, back_door: BackDoor) -> None:
    for number in range(5):
        write(database, f"alone-{number}")
    assert len(back_door.rows(f"SELECT pid {OTHERS}")) == 1


@pytest.mark.parametrize("pooled", [False, True], ids=["direct", "pooled"])
def test_a_statement_is_prepared_once_for_a_connection_that_is_ours(
    request: pytest.FixtureRequest, settings: Settings, *, pooled: bool
) -> None:
    database = opened(through(request, url_of(settings)) if pooled else url_of(settings), pool_size=1)
    for name in "ab":
        write(database, name)
    with database.read() as tx:
        assert isinstance(tx, PostgresTransaction)
        found = tx._connection.execute("SELECT count(*) FROM pg_prepared_statements WHERE name = %s", [KEEP]).fetchall()
    assert found == [(0 if pooled else 1,)]
    database.close()
