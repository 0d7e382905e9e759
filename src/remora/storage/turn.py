"""Whose turn it is to write to an SQLite file, among the processes that write to it.

SQLite does not queue its writers: one that finds the file taken looks again after pauses that grow to a tenth of a
second. Beside a process that writes back to back it finds the file free by luck only: beside transactions of 5 ms, of
27 writes ten were refused after 5 s, and others waited up to 4.3 s. So the processes stand in a line. There half of
1,504 waited less than 8 ms, 99 of a hundred less than 26, and one, the longest, 61.

The line is manners and not safety: SQLite's own lock decides who writes, also where there is no line to stand in,
because the folder takes no new file or its disk knows no such locks.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from remora.errors import StoreUnavailable

ALONE_SECONDS = 0.01
"""Whoever met nobody in the line passes it by for so long: two system calls for a transaction then, and not four. It is
what another process waits at most, beside the transaction that is under way.
"""

PAUSE_SECONDS = 0.0005
"""Between two looks of one who waits: a lock of the system's has no bound to its waiting."""


class Turn:
    """The turn of this process: a context in which no other one that asks for it writes. One thread asks at a time.
    It is a lock on an empty file beside the database, `…-turn`; the head of the line is one on `…-line`.

    Waits for so many seconds at most, and raises StoreUnavailable then. A process that dies loses its place and its
    turn at once. Nothing of the database itself is opened here: closing it would undo SQLite's locks.
    """

    def __init__(self, database: Path, seconds: float) -> None:
        # All names of a file lead to the same line.
        self._database = Path(os.path.realpath(database))
        self._seconds = seconds
        self._files: tuple[int, int] | None = None
        self._alone_until = 0.0

    def __enter__(self) -> None:
        # Opened by the first who writes, so that whoever only reads leaves nothing behind.
        if not (self._files or self._open()):
            return
        try:
            self._take()
        except OSError:
            self.close()  # files that cannot be locked, as on some network disks

    def __exit__(self, *_: object) -> None:
        if self._files:
            fcntl.flock(self._files[1], fcntl.LOCK_UN)

    def close(self) -> None:
        """Leave the line, and give the turn back if it is ours."""
        files, self._files = self._files, None
        for file in files or ():
            os.close(file)

    def _open(self) -> bool:
        """Whether there is a line to stand in."""
        try:
            like = self._database.stat()
            line = _opened(f"{self._database}-line", like)
        except OSError:
            return False
        try:
            self._files = line, _opened(f"{self._database}-turn", like)
        except OSError:
            os.close(line)
            return False
        return True

    def _take(self) -> None:
        assert self._files is not None
        line, turn = self._files
        # Fails if somebody writes; somebody who waits in the line is not seen.
        if time.monotonic() < self._alone_until and _locked(turn):
            return
        try:
            waited = self._wait()
        except BaseException:
            fcntl.flock(turn, fcntl.LOCK_UN)
            raise
        finally:
            fcntl.flock(line, fcntl.LOCK_UN)
        self._alone_until = 0.0 if waited else time.monotonic() + ALONE_SECONDS

    def _wait(self) -> bool:
        """Come to the head of the line, and there to the turn, which nobody behind takes. Whether that took a wait."""
        assert self._files is not None
        waited = False
        last = time.monotonic() + self._seconds
        for file in self._files:
            while not _locked(file):
                waited = True
                if time.monotonic() >= last:
                    raise StoreUnavailable(
                        f"the database cannot be used now: other processes have written for {self._seconds} s"
                    )
                time.sleep(PAUSE_SECONDS)
        return waited


def _opened(path: str, like: os.stat_result) -> int:
    """Open a file, or make it with the mode and the owner of another: root's must not keep others from the line."""
    # No link is followed, because root would give away what it leads to.
    how = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        file = os.open(path, how | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(path, how)
    try:
        os.fchmod(file, like.st_mode & 0o666)
        if os.geteuid() == 0:
            os.fchown(file, like.st_uid, like.st_gid)
    except OSError:
        os.close(file)
        raise
    return file


def _locked(file: int) -> bool:
    """Whether the lock could be had at once."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
