"""The seam, on the embedded store."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from remora.errors import StoreUnavailable
from remora.service.installation import Installation
from remora.storage.database import UniqueViolation
from remora.storage.sqlite import SqliteDatabase, create

VALUE = "installation_value"
KEEP = "installation_keep"


class Boom(Exception):
    pass


def test_a_block_that_raises_is_undone_whole(installation: Installation) -> None:
    def write_and_raise() -> None:
        with installation.database.write() as tx:
            tx.run(KEEP, name="a", value="1")
            raise Boom

    with pytest.raises(Boom):
        write_and_raise()
    with installation.database.read() as tx:
        assert tx.one(VALUE, name="a") is None


def test_a_block_that_ends_well_is_seen_by_all(installation: Installation, tmp_path: Path) -> None:
    with installation.database.write() as tx:
        assert tx.run(KEEP, name="a", value="1") == 1
    other = SqliteDatabase(tmp_path / "remora.db", busy_timeout_seconds=5)
    with other.read() as tx:
        assert tx.one(VALUE, name="a") == ("1",)
    other.close()


def test_a_reader_sees_one_snapshot_while_a_writer_commits(installation: Installation) -> None:
    def write() -> None:
        with installation.database.write() as tx:
            tx.run(KEEP, name="a", value="1")

    with installation.database.read() as tx:
        assert tx.one(VALUE, name="a") is None
        writer = threading.Thread(target=write)
        writer.start()
        writer.join()
        assert tx.one(VALUE, name="a") is None
    with installation.database.read() as tx:
        assert tx.one(VALUE, name="a") == ("1",)


def test_a_taken_key_is_a_unique_violation(installation: Installation) -> None:
    row = {"number": 1, "name": "x", "digest": "x", "applied_at": 0}
    with pytest.raises(UniqueViolation), installation.database.write() as tx:
        tx.run("migration_record", **row)


def test_writes_are_flushed_to_disk_before_they_are_answered(installation: Installation) -> None:
    assert isinstance(installation.database, SqliteDatabase)
    connection = installation.database._connection()
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,), "2 is FULL"


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        SqliteDatabase(tmp_path / "missing.db", busy_timeout_seconds=5)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("not a database " * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        create(tmp_path / "text.db")


def test_a_new_database_is_its_owners_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "remora.db"
    create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_second_writer_waits_its_turn(installation: Installation) -> None:
    order = []

    def write(name: str) -> None:
        with installation.database.write() as tx:
            tx.run(KEEP, name=name, value="1")
            order.append(name)

    with installation.database.write() as tx:
        second = threading.Thread(target=write, args=("second",))
        second.start()
        tx.run(KEEP, name="first", value="1")
        order.append("first")
    second.join()
    assert order == ["first", "second"]
