"""The servers that other tests rely on start, come back from a kill with what was committed, and leave nothing."""

from __future__ import annotations

from contextlib import closing

import psycopg
import pytest

from tests.servers.databases import Databases
from tests.servers.postgresql import PostgresServer


def rows(url: str) -> list[tuple[int]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT number FROM numbers ORDER BY number").fetchall()


def write(url: str, number: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS numbers (number integer)")
        connection.execute("INSERT INTO numbers VALUES (%s)", (number,))


def test_a_clone_begins_as_its_template_and_goes_its_own_way(postgres: Databases) -> None:
    write(postgres.create("pattern"), 1)
    first, second = postgres.create("first", "pattern"), postgres.create("second", "pattern")
    write(first, 2)
    assert rows(first) == [(1,), (2,)]
    assert rows(second) == [(1,)]
    for name in ("first", "second", "pattern"):
        postgres.drop(name)


def test_a_dropped_database_is_gone_even_if_someone_is_connected_to_it(postgres: Databases) -> None:
    url = postgres.create("doomed")
    with psycopg.connect(url) as connection:
        postgres.drop("doomed")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


def test_what_was_committed_is_there_after_a_kill(mortal_postgres: PostgresServer) -> None:
    url = mortal_postgres.databases.create("kept")
    write(url, 1)
    with closing(psycopg.connect(url)) as connection:
        connection.execute("INSERT INTO numbers VALUES (2)")
        mortal_postgres.kill()
        with pytest.raises(psycopg.OperationalError, match="closed the connection unexpectedly"):
            connection.commit()
    with pytest.raises(psycopg.OperationalError, match="refused"):
        psycopg.connect(url)
    mortal_postgres.start()
    assert rows(url) == [(1,)]
