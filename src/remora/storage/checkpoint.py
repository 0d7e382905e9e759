"""Bringing what was written into an SQLite file, beside those who write.

SQLite writes to a log, `…-wal`, which must not grow for ever. The commit that finds it long copies its pages into the
file and waits for the disk, and all who want to write wait for that. A thread can do nearly all of it meanwhile; only
for the log to start anew must nobody write.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from threading import Thread

from remora.errors import StoreUnavailable

ROWS = 6_000
"""After so many rows that this process wrote: 1,500 grants, of which the log has some 8,000 pages."""

REST_PAGES = 500
"""So many pages take few milliseconds, and may be brought while nobody writes."""

MOST_LAPS = 4
"""Whoever writes quicker than a lap brings it is not run after for ever."""

_files: dict[tuple[int, int], int] = {}
"""A descriptor of each file that was flushed. None is ever closed: that would undo the locks that SQLite has on the
file, all those of the process.
"""


class Checkpoints:
    """Those of one file, by a thread at a time. Where one fails nothing is lost, and the next brings the same pages; at
    `CHECKPOINT_PAGES` the commit does it itself. SQLite passes over a fault of its own checkpoints just so.
    """

    def __init__(
        self, path: Path, connect: Callable[[], sqlite3.Connection], alone: Callable[[], AbstractContextManager[None]]
    ) -> None:
        """`alone`: a context in which nobody else writes. It may raise StoreUnavailable."""
        self._path = path
        self._connect = connect
        self._alone = alone
        self._connection: sqlite3.Connection | None = None
        self._rows = 0
        self._thread: Thread | None = None

    def wrote(self, rows: int) -> None:
        """While alone: so many more are in the log."""
        self._rows += rows
        if self._rows >= ROWS and not (self._thread and self._thread.is_alive()):
            self._rows = 0
            self._thread = Thread(target=self._bring, name="remora-checkpoint")
            self._thread.start()

    def wait(self) -> None:
        """For the one that is under way."""
        if self._thread is not None:
            self._thread.join()

    def close(self) -> None:
        """End the one that is under way. No more is written."""
        self.wait()
        if self._connection is not None:
            self._connection.close()

    def _bring(self) -> None:
        with suppress(sqlite3.Error, OSError, StoreUnavailable):
            self._connection = self._connection or self._connect()
            before = 0
            for _ in range(MOST_LAPS):
                pages = self._lap(self._connection)
                self._flush()
                if pages - before <= REST_PAGES:
                    break
                before = pages
            with self._alone():
                self._lap(self._connection)
                self._rows = 0

    @staticmethod
    def _lap(connection: sqlite3.Connection) -> int:
        """Copy what can be without waiting for anybody, and learn how many pages the log had. If that was all, SQLite
        flushes the file, and whoever writes next begins the log anew.
        """
        _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return int(pages)

    def _flush(self) -> None:
        """Have the disk take now what was copied, so that little is left for when nobody may write."""
        status = self._path.stat()
        key = status.st_dev, status.st_ino
        if key not in _files:
            _files[key] = os.open(self._path, os.O_RDONLY)
        os.fsync(_files[key])
