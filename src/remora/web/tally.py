"""Tallies: numbers by name, which one process counts for itself, or several count for all of them together.

Those of several processes lie in a folder, in a file for each, mapped into its memory: to count is to add to a double.
What a process has counted outlives it, even `kill -9`; the next that starts takes its file over and goes on from there.
docs/decisions/0016 says why.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import msgspec
import structlog
from msgspec import Struct

from remora.errors import StoreUnavailable
from remora.settings import METRICS_DIR

Name = tuple[str, ...]
"""What is counted, and the values of its labels."""

Cells: TypeAlias = "memoryview[float]"
"""The numbers themselves: doubles."""

CHUNK_BYTES = 64 * 1024
"""A file grows by so much, and what was mapped stays where it is."""

SUFFIX = ".tally"

_HEADER = struct.Struct("=ii")
_DOUBLE = 8

_name = msgspec.json.Decoder(Name)

log: structlog.stdlib.BoundLogger = structlog.get_logger("remora")


class Reading(Struct, frozen=True):
    """What one process has counted. `worker` is the number of its file; without `lives` it is a dead one's."""

    worker: int
    lives: bool
    cells: Mapping[Name, Sequence[float]]


class Tally:
    """The numbers of one process, in its memory.

    Those of one name are written by one thread at a time, which needs no lock for it.
    """

    shared = False
    """Whether others may be asked for these numbers."""

    def __init__(self) -> None:
        self._cells: dict[Name, Cells] = {}
        self._lock = threading.Lock()

    def cells(self, name: Name, size: int) -> Cells:
        """The cells of a name; new ones are 0."""
        with self._lock:
            found = self._cells.get(name)
            if found is None:
                found = self._cells[name] = self._made(name, size)
            return found

    def readings(self) -> list[Reading]:
        """What was counted, by all processes that count together. StoreUnavailable if the others' cannot be read."""
        return [self._own(0)]

    def close(self) -> None:
        """Count no more."""

    def _made(self, name: Name, size: int) -> Cells:  # noqa: ARG002 (in memory cells need no name)
        return memoryview(bytearray(size * _DOUBLE)).cast("d")

    def _own(self, worker: int) -> Reading:
        with self._lock:
            return Reading(worker, lives=True, cells={name: list(cells) for name, cells in self._cells.items()})


class SharedTally(Tally):
    """The numbers of one of several processes, in a folder that they have in common. OSError if it cannot be used.

    A file is a row of chunks, and a chunk a row of records: the lengths of name and cells, the name as JSON, the cells.
    A length of 0 ends the chunk. The lengths are written last, so a record is there whole or not at all.
    """

    shared = True

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self.worker, self._file = _taken(folder)
        self._has_no_room = False
        self._chunks = 0
        self._chunk, self._used = memoryview(b""), 0
        size = os.fstat(self._file).st_size
        for _ in range(size // CHUNK_BYTES):
            self._map_next()
            self._cells |= {name: self._chunk[start:end].cast("d") for name, start, end in self._records()}
        if self._chunks:
            # A process that died while it wrote may have left the half of a record behind the last whole one.
            self._chunk[self._used :] = bytes(len(self._chunk) - self._used)

    def readings(self) -> list[Reading]:
        try:
            return [self._own(self.worker), *_others(self._folder, self.worker)]
        except OSError as problem:
            raise StoreUnavailable(f"what other workers have counted cannot be read: {problem.strerror}") from problem

    def close(self) -> None:
        # The maps hold the file open as long as there are views of them, and with it a lock that nobody lets go.
        fcntl.flock(self._file, fcntl.LOCK_UN)
        os.close(self._file)

    def _made(self, name: Name, size: int) -> Cells:
        try:
            return self._recorded(msgspec.json.encode(name), size)
        except OSError as problem:
            # A number that the others do not see is better than an order that fails for it.
            if not self._has_no_room:
                log.warning("metrics not shared", folder=str(self._folder), reason=problem.strerror)
            self._has_no_room = True
            return super()._made(name, size)

    def _recorded(self, name: bytes, size: int) -> Cells:
        assert len(name) + size * _DOUBLE < CHUNK_BYTES // 2, "labels are bounded"
        name = name.ljust(-(-len(name) // _DOUBLE) * _DOUBLE)
        end = self._used + _HEADER.size + len(name) + size * _DOUBLE
        if end > len(self._chunk):
            os.pwrite(self._file, bytes(CHUNK_BYTES), self._chunks * CHUNK_BYTES)
            self._map_next()
            return self._recorded(name, size)
        start = end - size * _DOUBLE
        self._chunk[self._used + _HEADER.size : start] = name
        self._chunk[self._used : self._used + _HEADER.size] = _HEADER.pack(len(name), size)
        self._used = end
        return self._chunk[start:end].cast("d")

    def _map_next(self) -> None:
        """Go on with the next chunk. It was written before it is mapped: a full disk would kill who writes to a map."""
        mapped = mmap.mmap(self._file, CHUNK_BYTES, offset=self._chunks * CHUNK_BYTES)
        self._chunks += 1
        self._chunk, self._used = memoryview(mapped), 0

    def _records(self) -> Iterator[tuple[Name, int, int]]:
        for name, start, end in _records(self._chunk):
            self._used = end
            yield name, start, end


@contextmanager
def shared() -> Iterator[dict[str, str]]:
    """A fresh folder, as the variables with which processes are started that are to count in it. It goes with the
    block. There are none if the environment names one already, or if it cannot be made: then each counts for itself.
    """
    if os.environ.get(METRICS_DIR):
        yield {}
        return
    try:
        folder = TemporaryDirectory(prefix="remora-metrics-", ignore_cleanup_errors=True)
    except OSError as problem:
        log.warning("metrics not shared", reason=f"no temporary folder: {problem.strerror}")
        yield {}
        return
    with folder as path:
        yield {METRICS_DIR: path}


def opened(folder: Path | None) -> Tally:
    """A tally in a folder, or in memory where there is none, or none that can be used."""
    if folder is None:
        return Tally()
    try:
        return SharedTally(folder)
    except OSError as problem:
        log.warning("metrics not shared", folder=str(folder), reason=problem.strerror)
        return Tally()


def _taken(folder: Path) -> tuple[int, int]:
    """The number and descriptor of the first file that no living process has; its lock goes with the process."""
    with _turn(folder):
        for number in count():
            file = os.open(folder / f"{number}{SUFFIX}", os.O_RDWR | os.O_CREAT, 0o600)
            if _lock(file, fcntl.LOCK_EX):
                return number, file
            os.close(file)
    raise AssertionError("numbers do not end")


def _others(folder: Path, own: int) -> Iterator[Reading]:
    # Not with `glob`, to which a folder that is gone is one with nothing in it.
    numbers = {int(path.stem) for path in folder.iterdir() if path.suffix == SUFFIX}
    for number in sorted(numbers - {own}):
        with (folder / f"{number}{SUFFIX}").open("rb") as file, _turn(folder):
            lives = not _lock(file.fileno(), fcntl.LOCK_SH)
            content = memoryview(file.read())
        cells: dict[Name, Sequence[float]] = {}
        for offset in range(0, len(content), CHUNK_BYTES):
            chunk = content[offset : offset + CHUNK_BYTES]
            cells |= {name: chunk[start:end].cast("d").tolist() for name, start, end in _records(chunk)}
        yield Reading(number, lives, cells)


def _records(chunk: memoryview) -> Iterator[tuple[Name, int, int]]:
    """The name of each record, and where its cells start and end."""
    offset = 0
    while offset + _HEADER.size <= len(chunk):
        length, size = _HEADER.unpack_from(chunk, offset)
        if not length:
            return
        start = offset + _HEADER.size + length
        offset = start + size * _DOUBLE
        yield _name.decode(chunk[start - length : start]), start, offset


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """One process at a time: a lock that is tried to see who lives must not keep a new one from its file."""
    directory = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def _lock(file: int, how: int) -> bool:
    """Whether the lock could be had at once."""
    with suppress(BlockingIOError):
        fcntl.flock(file, how | fcntl.LOCK_NB)
        return True
    return False
