"""A PostgreSQL server that will not do is told apart when the store is opened."""

from __future__ import annotations

import re
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
import pytest

from remora.errors import StoreUnavailable
from remora.settings import Settings
from remora.storage import connection as connections
from tests.backdoor import BackDoor
from tests.eventually import until
from tests.servers.postgresql import PostgresServer
from tests.storage.on_postgresql import opened, set_default, told_that_nothing_was_done, url_of
from tests.stores import PostgresStore


@pytest.fixture(scope="module")
def store(postgresql_store: PostgresStore) -> PostgresStore:
    return postgresql_store


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
