"""What processes count together: exact, seen by all, and not lost when one of them dies."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from remora.errors import StoreUnavailable
from remora.settings import METRICS_DIR
from remora.web.exposition import summed
from remora.web.families import POINTS, QUEUE_DEPTH
from remora.web.tally import CHUNK_BYTES, Name, SharedTally, Tally, opened, shared

COUNTED = (POINTS.name, "teaShop01", "granted")
WAITING = (QUEUE_DEPTH.name, "writer")

COUNTER = """
import json, sys
from pathlib import Path

import structlog
from remora.web.tally import SharedTally

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
tally = SharedTally(Path(sys.argv[1]))
for line in sys.stdin:
    name, value = json.loads(line)
    tally.cells(tuple(name), 1)[0] += value
    print(tally.worker, flush=True)
"""


class Process:
    """One that counts what it is told to."""

    def __init__(self, folder: Path, before: Callable[[], None] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", COUNTER, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=before,  # noqa: PLW1509 (only a limit is set)
        )

    def add(self, name: Name, value: float) -> int:
        """Have it count, and wait until it has; the number of its file."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([name, value]) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def end(self) -> None:
        if self._process.poll() is None:
            self.kill()

    def kill(self) -> str:
        """Kill it as `kill -9` does; what it has logged."""
        self._process.kill()
        _, err = self._process.communicate()
        return err


Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Process] = []

    def start_one(before: Callable[[], None] | None = None) -> Process:
        started.append(Process(tmp_path, before))
        return started[-1]

    yield start_one
    for process in started:
        process.end()


def totals(tally: Tally) -> dict[Name, list[float]]:
    return summed(tally.readings())


def test_what_is_counted_under_one_name_is_one_number() -> None:
    tally = Tally()
    tally.cells(COUNTED, 1)[0] += 2
    tally.cells(COUNTED, 1)[0] += 3
    tally.cells((POINTS.name, "teaShop01", "spent"), 1)
    assert totals(tally) == {COUNTED: [5], (POINTS.name, "teaShop01", "spent"): [0]}


def test_each_of_several_processes_knows_the_sum(tmp_path: Path) -> None:
    first, second = SharedTally(tmp_path), SharedTally(tmp_path)
    first.cells(COUNTED, 1)[0] += 2
    second.cells(COUNTED, 1)[0] += 40
    assert totals(first) == totals(second) == {COUNTED: [42]}


def test_what_is_a_workers_own_is_told_by_worker(tmp_path: Path) -> None:
    first, second = SharedTally(tmp_path), SharedTally(tmp_path)
    first.cells(WAITING, 1)[0] = 7
    second.cells(WAITING, 1)[0] = 8
    assert totals(first) == {(*WAITING, "0"): [7], (*WAITING, "1"): [8]}


def test_a_killed_process_leaves_its_counts_and_takes_its_own_figures_with_it(tmp_path: Path, start: Start) -> None:
    tally, process = SharedTally(tmp_path), start()
    tally.cells(COUNTED, 1)[0] += 1
    process.add(COUNTED, 10)
    process.add(WAITING, 3)
    assert totals(tally) == {COUNTED: [11], (*WAITING, "1"): [3]}
    process.kill()
    assert totals(tally) == {COUNTED: [11]}


def test_the_next_process_goes_on_where_a_dead_one_ended(tmp_path: Path, start: Start) -> None:
    tally = SharedTally(tmp_path)
    for _ in range(5):
        process = start()
        assert process.add(COUNTED, 10) == 1
        process.kill()
    assert totals(tally) == {COUNTED: [50]}
    assert {path.name for path in tmp_path.iterdir()} == {"0.tally", "1.tally"}


def test_one_that_has_closed_makes_room_like_a_dead_one(tmp_path: Path) -> None:
    first, second = SharedTally(tmp_path), SharedTally(tmp_path)
    first.cells(COUNTED, 1)[0] += 1
    first.close()
    third = SharedTally(tmp_path)
    assert (second.worker, third.worker) == (1, 0)
    third.cells(COUNTED, 1)[0] += 1
    assert totals(second) == {COUNTED: [2]}


def test_there_may_be_more_names_than_a_chunk_holds(tmp_path: Path) -> None:
    tally, other = SharedTally(tmp_path), SharedTally(tmp_path)
    names = [(POINTS.name, f'bot "{number}" 茶店', "granted") for number in range(3_000)]
    for number, name in enumerate(names):
        cells = tally.cells(name, 18)
        cells[0], cells[17] = number, -number
    assert (tmp_path / "0.tally").stat().st_size > 5 * CHUNK_BYTES
    expected = {name: [number, *[0] * 16, -number] for number, name in enumerate(names)}
    assert totals(tally) == totals(other) == expected
    tally.close()
    again = SharedTally(tmp_path)
    again.cells(names[7], 18)[0] += 1
    assert totals(other) == expected | {names[7]: [8, *[0] * 16, -7]}


@pytest.mark.parametrize("garbage", [b"\1", b"\xff" * 500, (b"\0" * 12 + b"x") * 100])
def test_half_a_record_of_one_that_was_killed_is_no_record(tmp_path: Path, garbage: bytes) -> None:
    tally = SharedTally(tmp_path)
    tally.cells(COUNTED, 1)[0] += 5
    tally.close()
    # The lengths come last, so what was written before them is behind 8 bytes of 0.
    written = len((tmp_path / "0.tally").read_bytes().rstrip(b"\0"))
    with (tmp_path / "0.tally").open("r+b") as file:
        file.seek(written + 16)
        file.write(garbage)
    tally = SharedTally(tmp_path)
    tally.cells(WAITING, 1)
    tally.cells((POINTS.name, "rivalShop", "spent"), 3)
    other = SharedTally(tmp_path)
    expected = {COUNTED: [5], (*WAITING, "0"): [0], (POINTS.name, "rivalShop", "spent"): [0, 0, 0]}
    assert totals(tally) == totals(other) == expected


def test_threads_that_want_the_same_name_get_the_same_cells(tmp_path: Path) -> None:
    tally = SharedTally(tmp_path)
    together = threading.Barrier(8)

    def count(own: int) -> None:
        together.wait()
        for number in range(500):
            tally.cells((POINTS.name, str(number), "granted"), 8)[own] += 1

    threads = [threading.Thread(target=count, args=(own,)) for own in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert totals(tally) == {(POINTS.name, str(number), "granted"): [1] * 8 for number in range(500)}


def test_others_may_read_while_names_are_added(tmp_path: Path) -> None:
    tally, other = SharedTally(tmp_path), SharedTally(tmp_path)
    ended = threading.Event()

    def add() -> None:
        for number in range(5_000):
            tally.cells((POINTS.name, str(number), "granted"), 1)[0] = 1
        ended.set()

    thread = threading.Thread(target=add)
    thread.start()
    while not ended.is_set():
        for name, [value] in totals(other).items():
            assert value in {0, 1}, name
    thread.join()
    assert len(totals(other)) == 5_000


def test_without_room_on_the_disk_a_process_counts_on_by_itself(tmp_path: Path, start: Start) -> None:
    def no_file_beyond_a_chunk() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (CHUNK_BYTES, CHUNK_BYTES))

    tally, process = SharedTally(tmp_path), start(no_file_beyond_a_chunk)
    process.add(COUNTED, 1)
    for number in range(1_500):
        process.add((POINTS.name, f"a bot with a long name {number}", "granted"), 1)
    process.add(COUNTED, 1)
    found = totals(tally)
    assert found[COUNTED] == [2]
    assert 100 < len(found) < 1_500
    [line] = process.kill().splitlines()
    assert "metrics not shared" in line
    assert "File too large" in line


def test_what_is_mapped_has_its_room_on_the_disk_already(tmp_path: Path) -> None:
    SharedTally(tmp_path).cells(COUNTED, 1)[0] += 1
    found = (tmp_path / "0.tally").stat()
    assert found.st_size == CHUNK_BYTES <= found.st_blocks * 512


def test_a_folder_that_cannot_be_used_is_told_and_the_process_counts_alone(tmp_path: Path) -> None:
    with capture_logs() as lines:
        tally = opened(tmp_path / "missing")
    assert not tally.shared
    assert [(line["event"], line["log_level"]) for line in lines] == [("metrics not shared", "warning")]


def test_a_folder_that_was_taken_away_is_told_and_counting_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    tally = SharedTally(folder)
    tally.cells(COUNTED, 1)[0] += 1
    (folder / "0.tally").unlink()
    folder.rmdir()
    tally.cells(COUNTED, 1)[0] += 1
    with pytest.raises(StoreUnavailable):
        tally.readings()


def test_a_run_has_a_folder_of_its_own_which_goes_with_it() -> None:
    with shared() as one, shared() as two:
        folders = [Path(told[METRICS_DIR]) for told in (one, two)]
        assert folders[0] != folders[1]
        assert not any(any(folder.iterdir()) for folder in folders)
        SharedTally(folders[0]).cells(COUNTED, 1)[0] += 1
        assert totals(SharedTally(folders[0])) == {COUNTED: [1]}
    assert not any(folder.exists() for folder in folders)


def test_a_folder_that_the_environment_names_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(METRICS_DIR, str(tmp_path))
    with shared() as told:
        assert told == {}
    assert tmp_path.exists()


def test_without_room_for_a_folder_that_is_told_and_each_counts_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with capture_logs() as lines, shared() as told:
        assert told == {}
    assert [line["event"] for line in lines] == ["metrics not shared"]
