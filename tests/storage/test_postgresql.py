"""What is PostgreSQL's own: durable and bounded whatever the server's settings, and a connection that may die any time.
See also test_database.py, and the tests of a server that is killed in tests/crash.
"""

from __future__ import annotations

import re
import select
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress

import psycopg
import pytest
from msgspec.structs import replace
from psycopg.sql import SQL, Identifier

from remora.errors import StoreUnavailable
from remora.settings import PostgresUrl, Secret, Settings
from remora.storage import connection as connections
from remora.storage import postgresql
from remora.storage.database import Database, Row, Transaction, UniqueViolation
from remora.storage.operations import OPERATION
from remora.storage.postgresql import PostgresDatabase
from remora.storage.stores import open_database
from tests.backdoor import BackDoor
from tests.cast import Shop
from tests.eventually import SECONDS, until
from tests.servers.pgbouncer import PgBouncer
from tests.servers.postgresql import PostgresServer
from tests.storage.conftest import Open
from tests.stores import PostgresStore, back_door_of, settings_of

VALUE = "installation_value"
KEEP = "installation_keep"

OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
"""The connections to the test's database, but for the back door's own."""


@pytest.fixture(scope="module")
def store(postgresql_store: PostgresStore) -> PostgresStore:
    return postgresql_store


def opened(url: str, *, timeout_seconds: int = SECONDS, pool_size: int = 4) -> PostgresDatabase:
    return PostgresDatabase(Secret(url), timeout_seconds=timeout_seconds, pool_size=pool_size)


def url_of(settings: Settings) -> str:
    assert isinstance(settings.database, PostgresUrl)
    return settings.database.url.reveal()


@contextmanager
def one_way_to(url: str) -> Iterator[str]:
    """A URL of the same server, by which one connection can be made, and no second."""
    with psycopg.connect(url) as known, socket.create_server(("127.0.0.1", 0)) as listener:
        info = known.info
        host, port, name = info.host, info.port, f"{info.user}@127.0.0.1:{listener.getsockname()[1]}/{info.dbname}"

        def carry() -> None:
            caller, _ = listener.accept()
            listener.close()
            family, address = (
                (socket.AF_UNIX, f"{host}/.s.PGSQL.{port}") if host.startswith("/") else (socket.AF_INET, (host, port))
            )
            with caller, socket.socket(family) as server:
                server.connect(address)
                ends = {caller: server, server: caller}
                while data := (end := select.select([*ends], [], [])[0][0]).recv(65_536):
                    ends[end].sendall(data)

        carrier = threading.Thread(target=carry)
        carrier.start()
        yield f"postgresql://{name}"
        carrier.join()


def keep(tx: Transaction, name: str) -> None:
    tx.run(KEEP, name=name, value="1")


def kept(back_door: BackDoor, name: str) -> bool:
    return bool(back_door.rows(f"SELECT 1 FROM installation WHERE name = '{name}'"))


def setting(tx: Transaction, name: str) -> str:
    assert isinstance(tx, postgresql.PostgresTransaction)
    [(value,)] = tx._connection.execute(SQL("SHOW {}").format(Identifier(name))).fetchall()
    return str(value)


def set_default(back_door: BackDoor, assignment: str) -> None:
    [(name,)] = back_door.rows("SELECT current_database()")
    back_door.run(f'ALTER DATABASE "{name}" SET {assignment}')


def terminate(back_door: BackDoor) -> None:
    """End the connections that there are. The pool may open others meanwhile."""
    ended = {pid for pid, _ in back_door.rows(f"SELECT pid, pg_terminate_backend(pid) {OTHERS}")}
    until(lambda: not ended & {pid for (pid,) in back_door.rows(f"SELECT pid {OTHERS}")})


@contextmanager
def told_that_nobody_knows() -> Iterator[None]:
    with pytest.raises(StoreUnavailable, match="whether it was done is not known"):
        yield


@contextmanager
def told_that_nothing_was_done() -> Iterator[None]:
    with pytest.raises(StoreUnavailable, match="nothing was done"):
        yield


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


def write(database: Database, name: str) -> None:
    with database.write() as tx:
        keep(tx, name)


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
        assert isinstance(tx, postgresql.PostgresTransaction)
        found = tx._connection.execute("SELECT count(*) FROM pg_prepared_statements WHERE name = %s", [KEEP]).fetchall()
    assert found == [(0 if pooled else 1,)]
    database.close()


# A server that will not do is told apart when the store is opened.


def test_a_server_that_is_too_old_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(url_of(settings)) as connection:
        version = connection.info.server_version
    monkeypatch.setattr(connections, "OLDEST", version)
    opened(url_of(settings)).close()
    monkeypatch.setattr(connections, "OLDEST", version + 1)
    with pytest.raises(StoreUnavailable, match=f"PostgreSQL 15 or later is needed, not {version // 10_000}"):
        opened(url_of(settings))


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://u:hunter2@127.0.0.1:1/remora", "Connection refused"),
        ("postgresql://u:hunter2@%2Fnowhere/remora", "No such file or directory"),
        ("postgresql://u:hunter2@127.0.0.1:1,127.0.0.1:2/remora", "Connection refused"),
        ("postgresql://u:hunter2@127.0.0.1:70000/remora", "70000"),
        ("postgresql://u:hunter2@127.0.0.1:1/remora?colour=blue", "not a connection URI"),
        ("postgresql://u:hunter2%@127.0.0.1:1/remora", "not a connection URI"),
        ("postgresql://u:hunter2@127.0.0.1:1/remora?sslmode=sometimes", "sslmode"),
    ],
)
def test_a_url_that_leads_nowhere_is_told_without_its_password(url: str, told: str) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        opened(url, timeout_seconds=1)
    assert told in caught.value.message
    assert "hunter2" not in repr_of(caught.value)


def test_a_server_that_goes_away_while_it_is_opened_is_told(settings: Settings) -> None:
    with one_way_to(url_of(settings)) as url, told_that_nothing_was_done():
        opened(url, timeout_seconds=1)


def test_a_database_that_is_not_there_is_named(settings: Settings) -> None:
    with pytest.raises(StoreUnavailable, match=r'database ".*_nobody" does not exist'):
        opened(f"{url_of(settings)}_nobody")


def test_a_database_that_cannot_be_written_to_is_refused(settings: Settings, back_door: BackDoor) -> None:
    """As one of a standby cannot."""
    set_default(back_door, "default_transaction_read_only = on")
    with pytest.raises(StoreUnavailable, match="read-only"):
        opened(url_of(settings))


def test_a_wrong_password_is_told_and_neither_it_nor_the_right_one(mortal_postgres: PostgresServer) -> None:
    administrator = mortal_postgres.url("postgres")
    with psycopg.connect(administrator, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS guarded")
        connection.execute("CREATE ROLE guarded LOGIN PASSWORD 'hunter2'")
        rules = mortal_postgres.folder / "data" / "pg_hba.conf"
        if "guarded" not in rules.read_text():
            rules.write_text(f"host all guarded 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        connection.execute("SELECT pg_reload_conf()")
    url = administrator.replace("postgres@", "guarded:{}@")
    # The server may take a moment to have read its rules again.
    until(lambda: not lets_in(url.format("wrong")))
    opened(url.format("hunter2")).close()
    with pytest.raises(StoreUnavailable, match="password authentication failed") as caught:
        opened(url.format("hunter3"))
    assert not re.search(r"hunter\d", repr_of(caught.value))


def lets_in(url: str) -> bool:
    with suppress(psycopg.OperationalError):
        psycopg.connect(url).close()
        return True
    return False


def repr_of(problem: BaseException | None) -> str:
    """All that a log could show of a problem and of what it came of."""
    return "" if problem is None else f"{problem!r} {problem} {repr_of(problem.__cause__)}"


# A connection may die at any moment.


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
