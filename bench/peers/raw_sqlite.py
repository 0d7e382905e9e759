"""The ceilings of the embedded store: bare statements in one thread, with nothing around them.

The look-up is the fastest text that we know for 100 ids, Remora's own with exactly as many, on the same file; or, as it
would be written at first, an IN list. The write is one update and one insert for each transaction, on tables that
have no more than they need, and flushed as Remora's are.
"""

from __future__ import annotations

import itertools
import random
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.shop import client_id

IDS = 100
LISTS = 1_000
"""How many different lists of ids are asked for."""

NOW = 1
"""Nothing is overdue then."""

AS_ROWS = f"""
WITH asked (id) AS (VALUES {", ".join(f"(?{number})" for number in range(2, IDS + 2))})
SELECT client_id, platform, CASE WHEN next_due_at > {NOW} THEN available END
FROM asked CROSS JOIN clients ON bot_id = ?1 AND client_id = asked.id
"""  # noqa: S608 (placeholders only)

AS_LIST = f"""
SELECT client_id, platform, available, next_due_at FROM clients
WHERE bot_id = ? AND client_id IN ({", ".join("?" * IDS)})
"""  # noqa: S608 (placeholders only)

SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE balances (client_id TEXT PRIMARY KEY, points INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE changes (client_id TEXT NOT NULL, points INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
"""


def lookups(path: Path, bot_id: str, clients: int, text: str) -> Callable[[int], float]:
    """Look-ups of 100 random clients a second by one of the texts, over so many seconds."""
    connection = sqlite3.connect(path, isolation_level=None)
    chance = random.Random(IDS)  # noqa: S311 (which client is asked for is no secret)
    numbers = range(1, clients + 1)
    asked = itertools.cycle([(bot_id, *map(client_id, chance.sample(numbers, IDS))) for _ in range(LISTS)])

    def ask() -> None:
        rows = connection.execute(text, next(asked)).fetchall()
        assert len(rows) == IDS, len(rows)

    return lambda seconds: _rate(ask, seconds)


def changes(path: Path, client_ids: Sequence[str]) -> Callable[[int], float]:
    """Durable changes of random clients a second, over so many seconds, in a file made for it."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(SCHEMA)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO balances VALUES (?, 0)", [(each,) for each in client_ids])
    connection.execute("COMMIT")

    def change() -> None:
        chosen = random.choice(client_ids)  # noqa: S311 (no secret)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE balances SET points = points + 1 WHERE client_id = ?", (chosen,))
        connection.execute("INSERT INTO changes VALUES (?, 1, ?)", (chosen, time.time_ns()))
        connection.execute("COMMIT")

    return lambda seconds: _rate(change, seconds)


def _rate(work: Callable[[], None], seconds: int) -> float:
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        work()
        done += 1
    return done / (time.perf_counter() - start)
