"""The well-known design of points that expire: a deposit for each grant, a withdrawal for each spend, and allocations
that say which deposits a withdrawal used. A spend locks the account's open deposits (`SELECT … FOR UPDATE`), uses
those that expire first, and commits.

As fast as we could make it without changing what it is: prepared statements, an index on the open deposits alone in
the order of their use, one statement for all allocations and one for all deposits, and pipelines, so that a spend is
two ways to the server and back. Each connection is a process, since threads of one Python would wait for one another,
and has accounts of its own, so that none waits for a lock. No HTTP, no idempotency keys, no journal.
"""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.synchronize import Barrier

import psycopg

POINTS = 3
PATIENCE_SECONDS = 60

SCHEMA = """
CREATE TABLE deposits (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account bigint NOT NULL,
    points bigint NOT NULL CHECK (points > 0),
    remaining bigint NOT NULL CHECK (remaining BETWEEN 0 AND points),
    expires_at timestamptz NOT NULL
) WITH (fillfactor = 80);
CREATE TABLE withdrawals (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account bigint NOT NULL,
    points bigint NOT NULL CHECK (points > 0),
    at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE allocations (
    withdrawal bigint NOT NULL,
    deposit bigint NOT NULL,
    points bigint NOT NULL CHECK (points > 0),
    PRIMARY KEY (withdrawal, deposit)
);
"""

FILL = """
INSERT INTO deposits (account, points, remaining, expires_at)
SELECT account, 1, 1, now() + nth * interval '1 day' + interval '1 year'
FROM generate_series(1, %(accounts)s) AS account, generate_series(1, %(lots)s) AS nth
"""

INDEX = "CREATE INDEX deposits_open ON deposits (account, expires_at, id) WHERE remaining > 0"

OPEN = """
SELECT id, remaining FROM deposits WHERE account = %s AND remaining > 0 AND expires_at > now()
ORDER BY expires_at, id FOR UPDATE
"""
WITHDRAW = "INSERT INTO withdrawals (account, points) VALUES (%s, %s)"
ALLOCATE = """
INSERT INTO allocations (withdrawal, deposit, points)
SELECT currval('withdrawals_id_seq'), used.deposit, used.points
FROM unnest(%s::bigint[], %s::bigint[]) AS used (deposit, points)
"""
USE = """
UPDATE deposits SET remaining = remaining - used.points
FROM unnest(%s::bigint[], %s::bigint[]) AS used (deposit, points) WHERE deposits.id = used.deposit
"""


def fill(url: str, accounts: int, lots: int) -> None:
    """Make the tables, and so many accounts with so many deposits of a point each."""
    with psycopg.connect(url, autocommit=True) as connection:
        for text in SCHEMA.split(";"):
            if text.strip():
                connection.execute(text)
        connection.execute(FILL, {"accounts": accounts, "lots": lots})
        connection.execute(INDEX)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def spend(connection: psycopg.Connection, account: int, points: int) -> None:
    """Use points of the deposits that expire first. LookupError if there are too few."""
    with connection.pipeline():
        connection.execute("BEGIN", prepare=True)
        deposits = connection.execute(OPEN, (account,), prepare=True).fetchall()
    used: dict[int, int] = {}
    missing = points
    for deposit, remaining in deposits:
        used[deposit] = min(remaining, missing)
        missing -= used[deposit]
        if not missing:
            break
    if missing:
        connection.execute("ROLLBACK")
        raise LookupError(f"account {account} lacks {missing} points")
    with connection.pipeline():
        connection.execute(WITHDRAW, (account, points), prepare=True)
        connection.execute(ALLOCATE, (list(used), list(used.values())), prepare=True)
        connection.execute(USE, (list(used), list(used.values())), prepare=True)
        connection.execute("COMMIT", prepare=True)


def rate(url: str, connections: int, seconds: int, accounts: range) -> float:
    """Spends a second of so many connections at once, on the accounts in their order."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(connections)
    with ProcessPoolExecutor(connections, context, _share, (barrier,)) as pool:
        workers = [pool.submit(_work, url, seconds, accounts[nth::connections]) for nth in range(connections)]
        return sum(worker.result() for worker in workers)


_together: Barrier
"""Where the processes wait for one another before the time runs."""


def _share(barrier: Barrier) -> None:
    global _together  # noqa: PLW0603 (a process is given it once, at its start)
    _together = barrier


def _work(url: str, seconds: int, accounts: range) -> float:
    with psycopg.connect(url, autocommit=True) as connection:
        _together.wait(PATIENCE_SECONDS)
        done, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds:
            spend(connection, accounts[done % len(accounts)], POINTS)
            done += 1
        return done / (time.perf_counter() - start)
