"""Durable grants and spends a second over HTTP, beside one bare transaction for each on raw SQLite in one thread.

Rounds alternate, so that what else the machine does falls on both. Only the ratios mean anything elsewhere.
"""

from __future__ import annotations

import itertools
import random
import sqlite3
import tempfile
import time
from pathlib import Path

from bench.installed import BOT, CLIENTS, Installed, install
from bench.load import ROUNDS, SECONDS, figures, rate, ratio
from bench.serve import running

LUA = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer {token}"
local ids = {{ {ids} }}
local prefix, hot
local number = 0
init = function(args)
  prefix, hot = args[1], args[2] == "hot"
end
request = function()
  number = number + 1
  wrk.headers["Idempotency-Key"] = prefix .. number
  local id = hot and ids[1] or ids[math.random(#ids)]
  return wrk.format(nil, nil, nil, '{{"secret":"{secret}","clientId":"' .. id .. '","points":1}}')
end
"""

SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE balances (client_id TEXT PRIMARY KEY, points INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE changes (client_id TEXT NOT NULL, points INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
"""


def main() -> None:
    """Fill a database, run the rounds, print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        installed = install(f"sqlite:///{folder}/bench.db")
        script = write_script(folder, installed)
        raw = _raw_database(folder / "raw.db", installed)
        numbers = itertools.count()
        with running("remora", folder / "remora.log", installed.environment) as remora:
            print(f"{CLIENTS:,} clients, {ROUNDS} rounds of {SECONDS} s, durable writes a second\n")
            print("write | clients | connections | Remora min / median / max | raw SQLite min / median / max | ratio")
            for what, spread, connections in itertools.product(("grant", "spend"), ("random", "hot"), (1, 16, 64)):
                ours, theirs = [], []
                for _ in range(ROUNDS):
                    url = f"{remora}/api/openapi/client/point/{what}?botId={BOT}"
                    ours.append(rate(url, script, connections, f"{next(numbers)}-", spread))
                    theirs.append(_raw_rate(raw, installed.client_ids, hot=spread == "hot"))
                print(
                    f"{what} | {spread:<7} | {connections:>11} | {figures(ours):<25} | {figures(theirs):<29} | "
                    f"{ratio(ours, theirs)}",
                    flush=True,
                )


def write_script(folder: Path, installed: Installed) -> Path:
    """A script for wrk that sends orders for one point, each with a key of its own."""
    path = folder / "order.lua"
    listed = ",".join(f'"{each}"' for each in installed.client_ids[:5_000])
    path.write_text(LUA.format(ids=listed, token=installed.token, secret=installed.secret))
    return path


def _raw_database(path: Path, installed: Installed) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(SCHEMA)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO balances VALUES (?, 0)", [(each,) for each in installed.client_ids])
    connection.execute("COMMIT")
    return connection


def _raw_rate(connection: sqlite3.Connection, client_ids: list[str], *, hot: bool) -> float:
    """One update and one insert for each transaction, for as long as a round."""
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        client_id = client_ids[0] if hot else random.choice(client_ids)  # noqa: S311 (no secret)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE balances SET points = points + 1 WHERE client_id = ?", (client_id,))
        connection.execute("INSERT INTO changes VALUES (?, 1, ?)", (client_id, time.time_ns()))
        connection.execute("COMMIT")
        done += 1
    return done / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
