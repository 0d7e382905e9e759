"""Migrations: applied by command, in order, whole, and checked at every start."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from remora.errors import SchemaOutOfDate
from remora.storage import migrations
from remora.storage.migrations import Migration
from remora.storage.sqlite import SqliteDatabase, create


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    create(tmp_path / "new.db")
    opened = SqliteDatabase(tmp_path / "new.db", busy_timeout_seconds=5)
    yield opened
    opened.close()


def schema(database: SqliteDatabase) -> set[str]:
    connection = sqlite3.connect(database.path)
    try:
        return {sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}
    finally:
        connection.close()


def test_numbers_run_from_1_without_gaps() -> None:
    assert [step.number for step in migrations.shipped("sqlite")] == list(
        range(1, len(migrations.shipped("sqlite")) + 1)
    )


def test_a_new_database_lacks_them_all_and_names_the_command(database: SqliteDatabase) -> None:
    with pytest.raises(SchemaOutOfDate, match=r"0001_points.*remora migrate"):
        migrations.verify(database)


def test_applying_brings_it_up_to_date_once(database: SqliteDatabase) -> None:
    assert migrations.apply(database, 0) == migrations.shipped("sqlite")
    migrations.verify(database)
    assert migrations.apply(database, 0) == []


def test_every_table_but_two_is_keyed_by_bot_first(database: SqliteDatabase) -> None:
    migrations.apply(database, 0)
    connection = sqlite3.connect(database.path)
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    first_key = {
        table: next(row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[5] == 1)
        for table in tables
    }
    unique_without_bot = [
        index
        for table in tables
        for _, index, unique, *_ in connection.execute(f"PRAGMA index_list({table})")
        if unique and "bot_id" not in [row[2] for row in connection.execute(f"PRAGMA index_info({index})")]
    ]
    connection.close()
    assert {table for table, column in first_key.items() if column != "bot_id"} == {"schema_migrations", "installation"}
    assert unique_without_bot == ["sqlite_autoindex_installation_1"]


def test_one_that_fails_leaves_nothing_behind(database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    good = migrations.shipped("sqlite")
    bad = Migration(len(good) + 1, "bad", "CREATE TABLE half (a INTEGER);\nCREATE TABLE half (a INTEGER);\n")
    monkeypatch.setattr(migrations, "shipped", lambda _: [*good, bad])
    with pytest.raises(sqlite3.OperationalError):
        migrations.apply(database, 0)
    assert not any("half" in sql for sql in schema(database))
    assert migrations.pending(database) == [bad]


def test_one_that_was_changed_after_it_was_applied_is_noticed(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrations.apply(database, 0)
    changed = [Migration(step.number, step.name, step.text + "\n") for step in migrations.shipped("sqlite")]
    monkeypatch.setattr(migrations, "shipped", lambda _: changed)
    with pytest.raises(SchemaOutOfDate, match="another text"):
        migrations.verify(database)


def test_one_from_a_later_version_is_noticed(database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    migrations.apply(database, 0)
    monkeypatch.setattr(migrations, "shipped", lambda _: [])
    with pytest.raises(SchemaOutOfDate, match="does not know"):
        migrations.verify(database)
