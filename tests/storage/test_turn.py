"""Writers of several processes take turns on an SQLite file. A lock belongs to whoever opened the file, so most of it
shows in one process, too.
"""

from __future__ import annotations

import fcntl
import stat
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from remora.errors import StoreUnavailable
from remora.storage import turn
from remora.storage.sqlite import SqliteDatabase, create
from remora.storage.turn import Turn
from tests.eventually import SECONDS, until

HOLDER = """
import sys
from pathlib import Path
from remora.storage.turn import Turn
with Turn(Path(sys.argv[1]), 30):
    print("mine", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "remora.db"
    create(path)
    return path


@contextmanager
def opened(file: Path, seconds: int = SECONDS) -> Iterator[SqliteDatabase]:
    database = SqliteDatabase(file, busy_timeout_seconds=seconds)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Another process, from its first line until its input ends."""
    with subprocess.Popen(
        [sys.executable, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as begun:
        try:
            assert begun.stdout is not None
            assert begun.stdout.readline()
            yield begun
            begun.communicate(timeout=SECONDS)
        finally:
            begun.kill()


@contextmanager
def locked(path: str) -> Iterator[None]:
    with Path(path).open("r+b") as mine:
        fcntl.flock(mine, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def is_locked(path: str) -> bool:
    try:
        with locked(path):
            return False
    except BlockingIOError:
        return True


def refusal(asks: AbstractContextManager[object]) -> str:
    """What one is told who asks for a turn and does not get it."""

    asked: Future[str] = Future()

    def ask() -> None:
        try:
            with asks:
                asked.set_result("it got its turn")
        except StoreUnavailable as refused:
            asked.set_result(refused.message)

    # In a thread that nobody waits for at the end: a wait without a bound must fail the test, not hang it.
    threading.Thread(target=ask, daemon=True).start()
    return asked.result(timeout=SECONDS)


def test_a_write_gets_its_turn_beside_a_process_that_writes_back_to_back(file: Path) -> None:
    passed = []
    with opened(file, seconds=5) as database:
        connection = database._connection()
        connection.execute("CREATE TABLE hogged (one)")

        def count() -> int:
            return int(connection.execute("SELECT count(*) FROM hogged").fetchone()[0])

        with process("-m", "tests.storage.hog", str(file)):
            for _ in range(21):
                begun = count()
                until(lambda begun=begun: count() > begun)  # type: ignore[misc]  # mypy cannot infer the default's type
                before = count()
                with database.write():
                    passed.append(count() - before)
    assert statistics.median(passed) < 20, "without turns it is hundreds, or refused"


def test_who_waits_at_the_head_of_the_line_is_not_overtaken(file: Path) -> None:
    came: list[str] = []

    def come(name: str, mine: Turn) -> None:
        with mine:
            came.append(name)

    with ThreadPoolExecutor() as pool:
        for _ in range(20):
            came.clear()
            first, second, third = (Turn(file, SECONDS) for _ in range(3))
            with first:
                waiting = pool.submit(come, "second", second)
                until(lambda: is_locked(f"{file}-line"))
            come("third", third)
            waiting.result()
            assert came == ["second", "third"]
            for each in (first, second, third):
                each.close()


def test_who_met_nobody_in_the_line_passes_it_by_for_a_while_and_only_then(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = Turn(file, 0)
    monkeypatch.setattr(turn, "ALONE_SECONDS", float(SECONDS))
    with mine:
        pass
    with locked(f"{file}-line"), mine:
        assert is_locked(f"{file}-turn")

    monkeypatch.setattr(turn, "ALONE_SECONDS", 0.0)
    other = Turn(file, 0)
    with other:
        pass
    with locked(f"{file}-line"):
        assert "other processes" in refusal(other)
    mine.close()
    other.close()


def test_a_turn_held_too_long_ends_in_store_unavailable_and_the_one_who_gave_up_is_in_nobodys_way(file: Path) -> None:
    began = time.monotonic()
    with opened(file, seconds=1) as database, process("-c", HOLDER, str(file)):
        assert "other processes have written for 1 s" in refusal(database.write())
        assert 1 <= time.monotonic() - began < SECONDS
        assert not is_locked(f"{file}-line")
    with opened(file, seconds=0) as database, database.write():
        assert is_locked(f"{file}-turn")
    assert not is_locked(f"{file}-turn")


def test_a_process_killed_while_it_holds_the_turn_blocks_nobody(file: Path) -> None:
    with opened(file) as database, process("-c", HOLDER, str(file)) as holder, ThreadPoolExecutor() as pool:

        def write() -> None:
            with database.write():
                pass

        waiting = pool.submit(write)
        until(lambda: is_locked(f"{file}-line"))
        assert not waiting.done()
        holder.kill()
        waiting.result(timeout=SECONDS)


def test_a_write_that_fails_gives_the_turn_back(file: Path) -> None:
    with opened(file) as database:
        with pytest.raises(ZeroDivisionError), database.write():
            raise ZeroDivisionError
        assert not is_locked(f"{file}-turn")
        with database.write():
            assert is_locked(f"{file}-turn")


def test_threads_of_one_process_queue_before_the_line(file: Path) -> None:
    def write(database: SqliteDatabase) -> bool:
        with database.write():
            return is_locked(f"{file}-turn")

    with opened(file) as database, ThreadPoolExecutor(4) as pool:
        assert all(pool.map(write, [database] * 200)), "a thread gave back the turn of another"


def test_all_names_of_a_file_lead_to_one_line(file: Path) -> None:
    link = file.parent / "elsewhere" / "link.db"
    link.parent.mkdir()
    link.symlink_to(file)
    other = Turn(link, 0)
    with opened(file) as database, database.write():
        assert "other processes" in refusal(other)
    assert list(link.parent.iterdir()) == [link]
    other.close()


@pytest.mark.parametrize("suffix", ["-line", "-turn"])
def test_where_there_can_be_no_line_sqlites_own_lock_is_enough(file: Path, suffix: str) -> None:
    (file.parent / f"{file.name}{suffix}").mkdir()
    with opened(file) as database:
        with database.write():
            database._connection().execute("CREATE TABLE written (one)")
        assert database._connection().execute("SELECT count(*) FROM written").fetchone() == (0,)


def test_the_files_of_the_line_have_the_databases_mode_and_stay_empty(file: Path) -> None:
    file.chmod(0o640)
    with opened(file) as database, database.write():
        pass
    for suffix in ("-line", "-turn"):
        status = Path(f"{file}{suffix}").stat()
        assert (stat.S_IMODE(status.st_mode), status.st_size) == (0o640, 0)


def test_whoever_only_reads_makes_no_files(file: Path) -> None:
    with opened(file) as database, database.read():
        pass
    assert list(file.parent.iterdir()) == [file]
