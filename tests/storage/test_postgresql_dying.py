"""A connection to PostgreSQL may die at any moment, and whoever uses it is told what became of what they did."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress

import psycopg
import pytest
from msgspec.structs import replace
from psycopg.sql import SQL, Identifier

from remora.errors import StoreUnavailable
from remora.settings import Settings
from remora.storage.database import Database, Row, UniqueViolation
from remora.storage.operations import OPERATION
from remora.storage.stores import open_database
from tests.backdoor import BackDoor
from tests.cast import Shop
from tests.eventually import SECONDS, until
from tests.servers.postgresql import PostgresServer
from tests.storage.conftest import Open
from tests.storage.on_postgresql import (
    OTHERS,
    VALUE,
    keep,
    kept,
    told_that_nothing_was_done,
    url_of,
    write,
)
from tests.stores import PostgresStore, back_door_of, settings_of


@pytest.fixture(scope="module")
def store(postgresql_store: PostgresStore) -> PostgresStore:
    return postgresql_store


def terminate(back_door: BackDoor) -> None:
    """End the connections that there are. The pool may open others meanwhile."""
    ended = {pid for pid, _ in back_door.rows(f"SELECT pid, pg_terminate_backend(pid) {OTHERS}")}
    until(lambda: not ended & {pid for (pid,) in back_door.rows(f"SELECT pid {OTHERS}")})


@contextmanager
def told_that_nobody_knows() -> Iterator[None]:
    with pytest.raises(StoreUnavailable, match="whether it was done is not known"):
        yield


def test_connections_that_died_while_nobody_used_them_are_replaced_and_nobody_is_told(
    database: Database, back_door: BackDoor
) -> None:
    for nth in range(3):
        with database.read() as first, database.read() as second:
            assert first.one(VALUE, name="a") == second.one(VALUE, name="a")
        terminate(back_door)
        write(database, f"after-{nth}")
        terminate(back_door)
        with database.read() as tx:
            assert tx.one(VALUE, name=f"after-{nth}") == ("1",)


def test_a_transaction_whose_connection_dies_is_undone(database: Database, back_door: BackDoor) -> None:
    with told_that_nothing_was_done(), database.write() as tx:
        keep(tx, "a")
        terminate(back_door)
        keep(tx, "b")
    assert not kept(back_door, "a")
    write(database, "c")


@pytest.mark.parametrize("number", [1, 1_000], ids=["to go with the commit", "on their way"])
def test_rows_that_nobody_waited_for_when_the_connection_dies_are_undone(
    database: Database, back_door: BackDoor, shop: Shop, number: int
) -> None:
    """The commit goes without anybody having had an answer to them: if none comes, nobody can tell any more."""
    rows = [(f"{nth:04}", bytes(32), b"", 0) for nth in range(number)]
    with told_that_nobody_knows(), database.write() as tx:
        tx.run_many("operation_add", shop.bot_id, OPERATION, rows)
        terminate(back_door)
    assert back_door.rows("SELECT key FROM operations") == []
    write(database, "c")


def test_rows_that_the_server_refuses_are_undone_for_certain(
    open_one: Open, settings: Settings, back_door: BackDoor, shop: Shop
) -> None:
    """The commit that was sent with them does nothing then."""
    database = open_one(database_timeout_seconds=1)
    row = ("a", bytes(32), b"", 0)

    def add(*rows: Row) -> None:
        with database.write() as tx:
            keep(tx, "a")
            tx.run_many("operation_add", shop.bot_id, OPERATION, rows)

    with pytest.raises(UniqueViolation):
        add(row, row)
    with psycopg.connect(url_of(settings)) as other:
        other.execute("LOCK TABLE operations")
        with told_that_nothing_was_done():
            add(row)
    assert not kept(back_door, "a")
    assert back_door.rows("SELECT key FROM operations") == []
    write(database, "b")


def test_a_read_whose_connection_dies_is_told(database: Database, back_door: BackDoor) -> None:
    with told_that_nothing_was_done(), database.read() as tx:
        tx.one(VALUE, name="a")
        terminate(back_door)
        tx.one(VALUE, name="a")


def test_an_error_that_was_swallowed_cannot_be_committed(database: Database, back_door: BackDoor) -> None:
    def swallow() -> None:
        with database.write() as tx:
            keep(tx, "a")
            with suppress(psycopg.errors.DivisionByZero):
                tx.script("SELECT 1 / 0")

    with pytest.raises(AssertionError, match="swallowed"):
        swallow()
    assert not kept(back_door, "a")
    write(database, "b")


# A commit may wait for a standby. Here it waits for one that never comes.


def wait_for_standby(server: PostgresServer, names: str) -> None:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(SQL("ALTER SYSTEM SET synchronous_standby_names = {}").format(names))
        connection.execute("SELECT pg_reload_conf()")
    until(lambda: shown(server, "synchronous_standby_names") == names)


def shown(server: PostgresServer, name: str) -> str:
    with psycopg.connect(server.url("postgres")) as connection:
        return str(connection.execute(SQL("SHOW {}").format(Identifier(name))).fetchall()[0][0])


@contextmanager
def a_commit_that_waits(
    server: PostgresServer, store: PostgresStore, timeout_seconds: int
) -> Iterator[tuple[Future[None], BackDoor]]:
    """A write that keeps `a`, in its commit: how long, by the server's clock, `waited_longer_than` says."""
    url = store.migrated()
    back_door = back_door_of(url)
    database = open_database(replace(settings_of(url), database_timeout_seconds=timeout_seconds), patient=False)
    with ThreadPoolExecutor(1) as pool:
        wait_for_standby(server, "nobody")
        try:
            done = pool.submit(write, database, "a")
            until(lambda: waited_longer_than(back_door, 0))
            yield done, back_door
        finally:
            wait_for_standby(server, "")
    database.close()
    store.drop(url)


def waited_longer_than(back_door: BackDoor, seconds: float) -> bool:
    waits = f"wait_event = 'SyncRep' AND clock_timestamp() - query_start > interval '{seconds} seconds'"
    return bool(back_door.rows(f"SELECT 1 {OTHERS} AND {waits}"))


def test_of_a_commit_whose_connection_dies_it_is_not_known_whether_it_was_done(
    mortal_postgres: PostgresServer, mortal_store: PostgresStore
) -> None:
    with a_commit_that_waits(mortal_postgres, mortal_store, timeout_seconds=SECONDS) as (done, back_door):
        assert not kept(back_door, "a")
        back_door.rows(f"SELECT pg_terminate_backend(pid) {OTHERS}")
        with pytest.raises(StoreUnavailable, match="not known"):
            done.result(SECONDS)
        # This time it was: the server had it on its own disk, and only the standby's was waited for.
        assert kept(back_door, "a")


def test_a_commit_that_the_standby_does_not_get_is_not_acknowledged_and_not_waited_for_for_ever(
    mortal_postgres: PostgresServer, mortal_store: PostgresStore
) -> None:
    with a_commit_that_waits(mortal_postgres, mortal_store, timeout_seconds=1) as (done, back_door):
        with pytest.raises(StoreUnavailable, match="not known"):
            done.result(SECONDS)
        assert not kept(back_door, "a"), "nobody sees it before the standby has it"


# A server may stand still, and its kernel go on to take what it is sent.


@pytest.fixture
def on_mortal(mortal_store: PostgresStore) -> Iterator[Settings]:
    url = mortal_store.migrated()
    yield replace(settings_of(url), database_timeout_seconds=1)
    mortal_store.drop(url)


def test_a_server_that_stands_still_is_waited_for_only_so_long(
    mortal_postgres: PostgresServer, on_mortal: Settings
) -> None:
    database, back_door = open_database(on_mortal, patient=False), back_door_of(on_mortal.database)
    try:
        with told_that_nothing_was_done(), database.write() as tx:
            keep(tx, "a")
            mortal_postgres.pause()
            keep(tx, "b")
        for _ in range(3):
            with told_that_nothing_was_done():
                write(database, "c")
            with told_that_nothing_was_done(), database.read():
                pass
    finally:
        mortal_postgres.resume()
    until(lambda: can_write(database, "d"))
    assert [kept(back_door, name) for name in "abcd"] == [False, False, False, True]
    database.close()


def can_write(database: Database, name: str) -> bool:
    with suppress(StoreUnavailable):
        write(database, name)
        return True
    return False
