"""What is SQLite's own: a file, its owner, and what is on disk when a write is answered. See also test_database.py."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from remora.errors import StoreUnavailable
from remora.storage.database import Database
from remora.storage.sqlite import SqliteDatabase, create
from tests import courteous
from tests.stores import SqliteStore

WRITING = """
from pathlib import Path
from remora.storage.sqlite import SqliteDatabase
database = SqliteDatabase(Path(sys.argv[2]), busy_timeout_seconds=5)
with database.write():
    database._connection().execute("CREATE TABLE filled (number INTEGER PRIMARY KEY)")
    database._connection().executemany("INSERT INTO filled VALUES (?)", ((number,) for number in range(1_000)))
print(*database._connection().execute("SELECT count(*) FROM filled").fetchone())
database.close()
"""


@pytest.fixture(scope="module")
def store(sqlite_store: SqliteStore) -> SqliteStore:
    return sqlite_store


def test_writes_are_flushed_to_disk_before_they_are_answered(database: Database) -> None:
    assert isinstance(database, SqliteDatabase)
    connection = database._connection()
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


@pytest.mark.parametrize("niceness", [0, 1])
def test_a_process_that_is_nice_gives_way_in_the_midst_of_a_statement(tmp_path: Path, niceness: int) -> None:
    create(tmp_path / "remora.db")
    rows, gave_way = courteous.run(WRITING, niceness, tmp_path / "remora.db")
    assert rows == "1000", "giving way ended a statement"
    assert gave_way > 10 if courteous.would_be_nice(niceness) else gave_way == 0
