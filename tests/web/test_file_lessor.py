"""Leasing from files that the workers of a server share."""

from __future__ import annotations

import contextlib
import fcntl
import multiprocessing
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from structlog.testing import capture_logs

from remora.settings import Secret
from remora.web import file_lessor
from remora.web.file_lessor import GROUP_BYTES, PLACES, FileLessor
from remora.web.lessor import Away
from remora.web.outage import PAUSE_SECONDS
from remora.web.rate_limit import BOT, FAILED_AUTH
from remora.web.redis_lessor import RedisLessor
from tests.web.hammer import hammer
from tests.web.processes import FileWorld, Seconds, keys

PATIENCE_SECONDS = 5
HOUR = 3600


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "run"
    made.mkdir()
    return made


@pytest.fixture
def world(folder: Path) -> Iterator[FileWorld]:
    """Two processes that share a limit of 32 in an hour."""
    with contextlib.closing(FileWorld(folder / "limits", "32/hour", 2)) as made:
        yield made


@pytest.fixture
def one_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every window has its place in one group, which is soon full."""
    monkeypatch.setattr(file_lessor, "GROUPS", 1)


# Each example has a key of its own.
@effort(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(1, 300), asked=st.lists(st.integers(0, 300), max_size=50))
def test_a_file_leases_the_same_blocks_as_redis(redis: str, folder: Path, limit: int, asked: list[int]) -> None:
    key = next(keys)
    with contextlib.closing(RedisLessor(Secret(redis))) as one:
        another = FileLessor(folder / "limits")
        for used in asked:
            expected, lease = one.lease(BOT, key, limit, HOUR, used), another.lease(BOT, key, limit, HOUR, used)
            assert (lease.permits, lease.left) == (expected.permits, expected.left)
            assert HOUR - 60 <= lease.seconds <= HOUR


def test_a_window_does_not_last_longer_than_it_is(folder: Path) -> None:
    """A machine that was started lately has a clock with so many digits that adding and taking away does not cancel."""
    seconds = Seconds()
    seconds.time = 538.323
    assert seconds.time + HOUR - seconds.time > HOUR
    assert FileLessor(folder / "limits", seconds).lease(BOT, "whoever", 10, HOUR, 0).seconds == HOUR


def test_the_files_are_their_owners_only(folder: Path) -> None:
    lessor = FileLessor(folder / "limits")
    for policy in (BOT, FAILED_AUTH):
        lessor.lease(policy, "whoever", 10, HOUR, 0)
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {
        "limits-bot": 0o600,
        "limits-failed-auth": 0o600,
    }


@pytest.mark.usefixtures("one_group")
def test_of_more_windows_than_there_are_places_for_the_one_that_ends_first_is_forgotten(folder: Path) -> None:
    seconds = Seconds()
    lessor = FileLessor(folder / "limits", seconds)

    def left(key: str) -> int:
        return lessor.lease(BOT, key, 10, HOUR, 0).left

    for number in range(PLACES):
        assert left(f"{number}") == 9
        seconds.time += 1
    assert [left("one more"), left("1"), left("0")] == [9, 8, 9]
    assert left("1") == 9, "it had to make room"
    assert (folder / "limits-bot").stat().st_size == GROUP_BYTES


@pytest.mark.usefixtures("one_group")
def test_a_window_that_is_over_makes_room_before_any_that_is_not(folder: Path) -> None:
    seconds = Seconds()
    lessor = FileLessor(folder / "limits", seconds)
    for number in range(PLACES - 1):
        lessor.lease(BOT, f"{number}", 10, HOUR, 0)
    lessor.lease(BOT, "short", 10, 60, 0)
    seconds.time += 60
    lessor.lease(BOT, "one more", 10, HOUR, 0)
    assert {lessor.lease(BOT, f"{number}", 10, HOUR, 0).left for number in range(PLACES - 1)} == {8}


def test_a_process_that_is_killed_leaves_neither_a_lock_nor_a_file_that_cannot_be_used(folder: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    start, admitted = spawn.Barrier(2), spawn.Queue()
    path, key = folder / "limits", next(keys)
    process = spawn.Process(target=hammer, args=(str(path), key, 10**9, start, admitted), daemon=True)
    process.start()
    start.wait(60)
    lessor = FileLessor(path)
    others = 0

    def left() -> int:
        nonlocal others
        others += 1
        return lessor.lease(BOT, key, 10**9, HOUR, 0).left

    while left() == 10**9 - others:  # the other has leased nothing yet
        assert others < 10**6
    process.kill()
    process.join()
    assert left() - left() == 1


# When the files cannot be used


def test_without_its_folder_each_process_counts_alone_and_says_so(world: FileWorld, folder: Path) -> None:
    assert world.requests(2, 0) == 2  # and one more is held
    world.path.unlink()
    folder.rmdir()
    with capture_logs() as lines:
        assert world.requests(100, 0) == 1 + 32
    [told] = [line for line in lines if line["event"] == "limiter-away"]
    assert (told["place"], told["problem"]) == (str(folder / "limits"), "No such file or directory")
    assert world.requests(100, 1) == 32
    assert [limiter.alone for limiter in world.limiters] == [99, 100]
    assert [limiter.failures for limiter in world.limiters] == [1, 1]
    folder.mkdir()
    world.seconds.time += 2 * PAUSE_SECONDS
    assert world.request(0)
    assert not world.limiters[0].take(BOT, next(keys))[1], "nobody counts alone any more"


def test_a_process_that_stands_still_with_a_file_keeps_the_others_waiting_for_a_moment_only(folder: Path) -> None:
    lessor = FileLessor(folder / "limits")
    lessor.lease(BOT, "whoever", 10, HOUR, 0)
    with (folder / "limits-bot").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        started = time.monotonic()
        with pytest.raises(Away, match="another process"):
            lessor.lease(BOT, "whoever", 10, HOUR, 0)
        assert time.monotonic() - started < PATIENCE_SECONDS
        assert lessor.lease(FAILED_AUTH, "whoever", 10, HOUR, 0).permits == 1
    assert lessor.lease(BOT, "whoever", 10, HOUR, 0).left == 8


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a file that is always full")  # noqa: PTH110 (a device)
def test_a_full_disk_is_told(folder: Path) -> None:
    (folder / "limits-bot").symlink_to("/dev/full")
    with pytest.raises(Away, match="No space left on device"):
        FileLessor(folder / "limits").lease(BOT, "whoever", 10, HOUR, 0)
