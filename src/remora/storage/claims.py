"""What the rows of a file lay claim to, each name once: a scratch file that goes with the process."""

from __future__ import annotations

import hashlib
import sqlite3

CACHE_KIB = 4096


class Claims:
    """Names with the lines that were first with them, in bounded memory however many there are.

    SQLite's own temporary file holds them: it has no name, so that even a killed process leaves none behind.
    """

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{CACHE_KIB}", "temp_store = FILE"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute("CREATE TABLE claims (name BLOB PRIMARY KEY, line INTEGER) WITHOUT ROWID")
        self._connection.execute("BEGIN")

    def claim(self, line: int, *name: str) -> int | None:
        """The line that has claimed the name before; None if it is this line's from now on."""
        key = _key(name)
        if self._connection.execute("INSERT OR IGNORE INTO claims VALUES (?, ?)", (key, line)).rowcount:
            return None
        return self._line(key)

    def claimed(self, *name: str) -> bool:
        return self._line(_key(name)) is not None

    def close(self) -> None:
        self._connection.close()

    def _line(self, key: bytes) -> int | None:
        row = self._connection.execute("SELECT line FROM claims WHERE name = ?", (key,)).fetchone()
        return row[0] if row else None


def _key(name: tuple[str, ...]) -> bytes:
    """Names of any length become keys of one. A NUL parts them: no text that is claimed has one."""
    return hashlib.blake2b("\0".join(name).encode(), digest_size=16).digest()
