"""Copying an SQLite database while it is in use: into a file that is there whole and sound, or not at all."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from remora.errors import BackupRefused
from remora.storage.sqlite import SqliteDatabase

PAGES_AT_ONCE = 1_000
"""Between two helpings the progress is told, and a signal is heard. A page has 4 KiB."""

LOGS = ("-wal", "-journal")
"""What SQLite may keep beside a file, and would apply to whatever file has the name when it is opened next."""


def pages(database: SqliteDatabase) -> int:
    """How many pages there are to copy."""
    with database.snapshot() as connection:
        [(count,)] = connection.execute("PRAGMA page_count").fetchall()
    return int(count)


def copy(database: SqliteDatabase, target: Path, *, replace: bool, done: Callable[[int], None]) -> int:
    """Copy the database as it is now, and return how many bytes the copy has. Writers go on meanwhile.

    The copy is its owner's only, flushed, and checked before it is put in its place; `done` is told of each
    helping how many pages it had. BackupRefused if it cannot be made, if it is not sound, or if there is a
    file and `replace` is false; nothing is left behind then.
    """
    _assert_free(database.path, target, replace=replace)
    with _refused(target), _beside(target) as partial:
        # Told apart inside: what goes wrong with the copy is not the database's.
        with database.snapshot() as source, _refused(target):
            _copy(source, partial, done)
        _check(partial)
        _flush(partial)
        size = partial.stat().st_size
        _put(partial, target, replace=replace)
    return size


def _assert_free(source: Path, target: Path, *, replace: bool) -> None:
    """Refuse early what would be refused late, and what even `replace` must not replace."""
    own = Path(os.path.realpath(source))
    if Path(os.path.realpath(target)) in {own, *_logs(own)}:
        raise BackupRefused(f"{target} is the database itself, or a part of it")
    for log in _logs(target):
        if os.path.lexists(log):
            raise BackupRefused(f"{log} would be taken for the back-up's: whoever uses {target} has not closed it")
    if os.path.lexists(target) and not replace:
        raise BackupRefused(f"{target} is there already; --force replaces it")


def _logs(path: Path) -> list[Path]:
    return [path.with_name(path.name + suffix) for suffix in LOGS]


@contextmanager
def _refused(target: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else problem
        raise BackupRefused(f"no back-up was made at {target}: {reason}") from problem


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A new file of its owner's only, in the folder of `target`; gone at the end, whatever happens."""
    descriptor, name = tempfile.mkstemp(dir=target.absolute().parent, prefix=f".{target.name}.", suffix=".partial")
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _copy(source: sqlite3.Connection, partial: Path, done: Callable[[int], None]) -> None:
    told = 0

    def tell(_: int, remaining: int, total: int) -> None:
        nonlocal told
        done(total - remaining - told)
        told = total - remaining

    with closing(sqlite3.connect(partial, isolation_level=None)) as destination:
        # Nothing to roll back and nothing to flush as it goes: the file is thrown away unless it is finished.
        destination.execute("PRAGMA journal_mode = OFF")
        destination.execute("PRAGMA synchronous = OFF")
        source.backup(destination, pages=PAGES_AT_ONCE, progress=tell)


def _check(partial: Path) -> None:
    # Nobody else has it, so no log and no locks are needed beside it.
    with closing(sqlite3.connect(f"{partial.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        [(found,)] = connection.execute("PRAGMA integrity_check(1)").fetchall()
    if found != "ok":
        raise BackupRefused(f"no back-up was kept: the copy is not sound, and so the database is not: {found}")


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _put(partial: Path, target: Path, *, replace: bool) -> None:
    """Give it its name, at one stroke, and make the name last."""
    if replace:
        partial.replace(target)
    else:
        # Unlike a rename, a link never replaces a file that has come meanwhile.
        target.hardlink_to(partial)
    _flush(partial.parent)
