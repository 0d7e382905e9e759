"""Leases permits from files that the workers of one server have in common: a table of windows for each policy.

Where in its table a window is follows from its name, up to a few places beside each other. So a lease reads and writes
some hundred bytes, nothing has to be swept, and a table has a size that it never exceeds.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from struct import Struct

from remora.web.lessor import LEASES, Away, Lease, window_name

PLACES = 32
"""In so many places a window may be; beyond it the one of them that would end first is forgotten."""

GROUPS = 8_192
"""Of places. All 262,144 take 8 MiB; with 100,000 windows open, one in a million groups is full."""

WINDOW = Struct("=16sdq")
"""The hash of its name; when it ends, in seconds; how many permits are leased of it. All zero where there is none."""

GROUP_BYTES = PLACES * WINDOW.size

TIMEOUT_SECONDS = 0.5
"""To wait for others who lease. A lease takes microseconds, so whoever takes longer has been stopped."""

PAUSE_SECONDS = 0.001


class FileLessor:
    """Keeps what has been leased in files whose names begin with `path`.

    It holds nothing open and nothing in memory: a process may die at any time, and leaves no lock and no half of a
    window. `seconds` is to be the same clock for all who share the files.
    """

    def __init__(self, path: Path, seconds: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._seconds = seconds

    def __str__(self) -> str:
        return str(self._path)

    def lease(self, policy: str, key: str, amount: int, window_seconds: int, used: int) -> Lease:
        """As `lease.lua` does it. See `Lessor`."""
        name = blake2b(window_name(policy, key, amount, window_seconds).encode(), digest_size=16).digest()
        try:
            with _alone(self._path.with_name(f"{self._path.name}-{policy}")) as file:
                now = self._seconds()  # not before: who waited for the file may find another window in it
                place, ends, leased = _find(file, name, now) or (_free(file, name), now + window_seconds, 0)
                left = amount - leased
                permits = _block(left, leased, amount, used)
                os.pwrite(file, WINDOW.pack(name, ends, leased + permits), place)
        except OSError as problem:
            raise Away(problem.strerror or type(problem).__name__) from None
        # The sum of two floats less one of them may be a trifle more than the other.
        return Lease(permits, left - permits, min(ends - now, window_seconds))

    def close(self) -> None: ...


def _block(left: int, leased: int, amount: int, used: int) -> int:
    """How many permits the next lease has: of what is left, the asker's part is what its part was so far."""
    part = left * used // max(leased, 1)
    return min(left, max(1, min(part, amount // LEASES)))


def _find(file: int, name: bytes, now: float) -> tuple[int, float, int] | None:
    """Where in the file a window is that is open at `now`, when it ends, and what is leased of it."""
    for place, (whose, ends, leased) in _group(file, name):
        if whose == name and now < ends:
            return place, ends, leased
    return None


def _free(file: int, name: bytes) -> int:
    """The place for a new window: that of one that is over, if any is, for those end first."""
    place, _ = min(_group(file, name), key=lambda found: found[1][1])
    return place


def _group(file: int, name: bytes) -> Iterator[tuple[int, tuple[bytes, float, int]]]:
    """The places where a window may be, and what is there."""
    start = int.from_bytes(name) % GROUPS * GROUP_BYTES
    # What was never written is zero, also beyond the end.
    content = os.pread(file, GROUP_BYTES, start).ljust(GROUP_BYTES, b"\0")
    return zip(range(start, start + GROUP_BYTES, WINDOW.size), WINDOW.iter_unpack(content), strict=True)


@contextmanager
def _alone(path: Path) -> Iterator[int]:
    """The file, for one thread of one process at a time. OSError if it cannot be had."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(file)
        yield file
    finally:
        os.close(file)  # which unlocks it


def _lock(file: int) -> None:
    give_up = time.monotonic() + TIMEOUT_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= give_up:
                raise TimeoutError(errno.ETIMEDOUT, "another process holds it") from None
            time.sleep(PAUSE_SECONDS)
        else:
            return
