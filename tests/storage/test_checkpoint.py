"""What was written is brought into the SQLite file beside those who write, and nothing of it is lost by that."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from remora.errors import StoreUnavailable
from remora.storage import checkpoint, sqlite
from remora.storage.checkpoint import Checkpoints
from remora.storage.database import UniqueViolation
from remora.storage.sqlite import SqliteDatabase, create

TABLE = "CREATE TABLE filled (number INTEGER PRIMARY KEY, text TEXT NOT NULL)"
TEXT = "x" * 1_500
"""A page has two."""

# Whoever closes a file's last connection brings its log into it and takes the log away.
PASSER_BY = (
    "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM filled').fetchone(); c.close()"
)


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """Of a database that somebody else has open too: the last who closes one brings everything into it."""
    create(tmp_path / "remora.db")
    with closing(sqlite3.connect(tmp_path / "remora.db")) as reader:
        reader.execute(TABLE)
        reader.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        yield tmp_path / "remora.db"


def fill(database: SqliteDatabase, first: int, count: int) -> None:
    """Write so many rows, in one transaction."""
    with database.write():
        database._connection().executemany(
            "INSERT INTO filled VALUES (?, ?)", ((number, TEXT) for number in range(first, first + count))
        )


def fill_twice(database: SqliteDatabase, count: int) -> None:
    """Write so many rows, of which the last is one too many."""
    numbers = [*range(count - 1), 0]
    with database.write():
        database._connection().executemany("INSERT INTO filled VALUES (?, '')", ((number,) for number in numbers))


def in_file(path: Path) -> int:
    """How many rows are in the file itself, without its log."""
    alone = shutil.copy(path, path.with_name("alone.db"))
    with closing(sqlite3.connect(alone)) as connection:
        [(count,)] = connection.execute("SELECT count(*) FROM filled")
    return int(count)


def log_pages(path: Path) -> int:
    """How long the log has ever been."""
    return path.with_name(f"{path.name}-wal").stat().st_size // 4_096


def test_after_so_many_rows_all_of_them_are_brought_into_the_file(path: Path) -> None:
    database = SqliteDatabase(path, busy_timeout_seconds=5)
    fill(database, 0, checkpoint.ROWS - 1)
    assert in_file(path) == 0
    fill(database, checkpoint.ROWS - 1, 1)
    database.close()
    assert in_file(path) == checkpoint.ROWS


def test_what_is_undone_is_not_counted(path: Path) -> None:
    database = SqliteDatabase(path, busy_timeout_seconds=5)
    with pytest.raises(UniqueViolation):
        fill_twice(database, checkpoint.ROWS)
    fill(database, 0, 10)
    database.close()
    assert in_file(path) == 0


def test_the_log_begins_anew_while_others_write_and_look_and_nothing_is_lost(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "ROWS", 200)
    database = SqliteDatabase(path, busy_timeout_seconds=5)
    done = Event()

    def look() -> None:
        while not done.is_set():
            with database.read():
                database._connection().execute("SELECT text FROM filled WHERE number = 7").fetchone()

    looking = Thread(target=look)
    looking.start()
    try:
        for first in range(0, 20_000, 20):
            fill(database, first, 20)
    finally:
        done.set()
        looking.join()
    database.close()

    assert log_pages(path) < 5_000, "more than ten thousand were written"
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*), max(number) FROM filled").fetchone() == (20_000, 19_999)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_who_passes_by_afterwards_does_not_take_itself_for_the_last(path: Path) -> None:
    """Had a descriptor of the file been closed, SQLite's locks on it would be gone, and the log taken away."""
    database = SqliteDatabase(path, busy_timeout_seconds=5)
    fill(database, 0, checkpoint.ROWS)
    database._checkpoints.wait()
    subprocess.run([sys.executable, "-c", PASSER_BY, path], check=True)
    assert path.with_name(f"{path.name}-wal").exists()
    database.close()


def test_a_checkpoint_that_cannot_be_alone_is_made_up_for_by_the_next(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "ROWS", 10)
    ways = iter([StoreUnavailable("others write"), sqlite3.OperationalError("database or disk is full"), None])
    laps: list[BaseException | None] = []

    @contextmanager
    def alone() -> Iterator[None]:
        laps.append(fault := next(ways))
        if fault is not None:
            raise fault
        yield

    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        checkpoints = Checkpoints(path, lambda: sqlite3.connect(path, check_same_thread=False), alone)
        for number in range(3):
            writer.execute("INSERT INTO filled VALUES (?, ?)", (number, TEXT))
            checkpoints.wrote(10)
            checkpoints.wait()
        checkpoints.close()
    assert [type(each) for each in laps] == [StoreUnavailable, sqlite3.OperationalError, type(None)]
    assert in_file(path) == 3


def test_a_commit_does_it_where_no_thread_did(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "CHECKPOINT_PAGES", 100)
    database = SqliteDatabase(path, busy_timeout_seconds=5)
    fill(database, 0, 150)
    assert in_file(path) == 0
    fill(database, 150, 100)
    assert in_file(path) == 250
    database.close()
