"""Migrations, on each store: applied by command, in order, whole, and checked at every start."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from remora.errors import SchemaOutOfDate
from remora.settings import DatabaseUrl
from remora.storage import migrations
from remora.storage.database import Database
from remora.storage.migrations import Migration, citus
from remora.storage.stores import create, open_database
from tests.backdoor import BackDoor
from tests.stores import PostgresStore, SqliteStore, Store, back_door_of, settings_of

COLUMNS = {
    "sqlite": "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'",
    "postgresql": "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'",
}

UNIQUE = {
    "sqlite": """SELECT m.name, c.name FROM sqlite_master AS m JOIN pragma_index_list(m.name) AS i
                 JOIN pragma_index_info(i.name) AS c ON c.seqno = 0 WHERE i."unique" """,
    "postgresql": """SELECT c.relname, a.attname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid
                     JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
                     WHERE i.indisunique AND c.relnamespace = to_regnamespace('public')""",
}
"""The tables with the first column of each of their unique keys."""


@pytest.fixture
def database(empty: DatabaseUrl) -> Iterator[Database]:
    """An empty one."""
    create(empty)
    opened = open_database(settings_of(empty), patient=True)
    yield opened
    opened.close()


@pytest.fixture
def back_door(empty: DatabaseUrl) -> BackDoor:
    return back_door_of(empty)


def tables(back_door: BackDoor) -> set[str]:
    return {name for (name,) in back_door.rows(back_door.tables)}


def test_both_stores_have_the_same_migrations_numbered_from_1_without_gaps() -> None:
    steps = migrations.shipped("sqlite")
    assert [step.label for step in steps] == [step.label for step in migrations.shipped("postgresql")]
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))


def test_both_stores_come_to_the_same_tables_and_columns(
    sqlite_store: SqliteStore, postgresql_store: PostgresStore
) -> None:
    stores: list[Store] = [sqlite_store, postgresql_store]
    found = []
    for store in stores:
        url = store.migrated()
        found.append(set(back_door_of(url).rows(COLUMNS[store.dialect])))
        store.drop(url)
    assert found[0] == found[1]
    assert ("entries", "recorded_at") in found[0]


def test_a_new_database_lacks_them_all_and_names_the_command(database: Database) -> None:
    with pytest.raises(SchemaOutOfDate, match=r"0001_points.*remora migrate"):
        migrations.verify(database)


def test_applying_brings_it_up_to_date_once(database: Database) -> None:
    assert migrations.apply(database, 0) == migrations.shipped(database.dialect)
    migrations.verify(database)
    assert migrations.apply(database, 0) == []


def test_of_several_that_apply_at_once_one_applies_each(empty: DatabaseUrl) -> None:
    create(empty)
    ready = threading.Barrier(4, timeout=30)

    def apply() -> list[Migration]:
        database = open_database(settings_of(empty), patient=True)
        ready.wait()
        try:
            return migrations.apply(database, 0)
        finally:
            database.close()

    with ThreadPoolExecutor(4) as pool:
        applied = [step for done in [pool.submit(apply) for _ in range(4)] for step in done.result(30)]
    database = open_database(settings_of(empty), patient=True)
    assert sorted(step.number for step in applied) == [step.number for step in migrations.shipped(database.dialect)]
    migrations.verify(database)
    database.close()


def test_every_table_of_a_bot_is_keyed_by_bot_first(database: Database, back_door: BackDoor) -> None:
    migrations.apply(database, 0)
    firsts = back_door.rows(UNIQUE[database.dialect])
    by_bot = {table for table, column in firsts if column == "bot_id"}
    assert by_bot == tables(back_door) - set(citus.EVERYWHERE)
    assert {table for table, column in firsts if column != "bot_id"} <= set(citus.EVERYWHERE)


def test_one_that_fails_leaves_nothing_behind(
    database: Database, back_door: BackDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = migrations.shipped(database.dialect)
    bad = Migration(len(good) + 1, "bad", "CREATE TABLE half (a INTEGER);\nCREATE TABLE half (a INTEGER);\n")
    monkeypatch.setattr(migrations, "shipped", lambda _: [*good, bad])
    with pytest.raises((sqlite3.OperationalError, psycopg.errors.DuplicateTable)):
        migrations.apply(database, 0)
    assert "entries" in tables(back_door)
    assert "half" not in tables(back_door)
    assert migrations.pending(database) == [bad]


def test_one_that_was_changed_after_it_was_applied_is_noticed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrations.apply(database, 0)
    changed = [Migration(step.number, step.name, step.text + "\n") for step in migrations.shipped(database.dialect)]
    monkeypatch.setattr(migrations, "shipped", lambda _: changed)
    with pytest.raises(SchemaOutOfDate, match="another text"):
        migrations.verify(database)


def test_one_from_a_later_version_is_noticed(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    migrations.apply(database, 0)
    monkeypatch.setattr(migrations, "shipped", lambda _: [])
    with pytest.raises(SchemaOutOfDate, match="does not know"):
        migrations.verify(database)
