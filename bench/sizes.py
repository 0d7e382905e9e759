"""What a million clients take on disk, table by table and index by index, on PostgreSQL and on SQLite.

Orders have keys, as those that come by HTTP do, and are carried out by the service itself. Fewer clients are made,
and their sizes multiplied: a row's size does not depend on how many there are.
"""

from __future__ import annotations

import itertools
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psycopg
from msgspec.structs import replace
from tests.servers.postgresql import PostgresServer

from remora import settings
from remora.clock import SystemClock
from remora.ledger.commands import Command, Grant, Spend
from remora.model import Platform
from remora.service import bots, clients, desk
from remora.service.installation import Installation, migrate, open_installation
from remora.service.orders import Job, Order, Who
from remora.settings import DatabaseUrl, PostgresUrl, Secret, SqliteUrl

BOT = "bench"
BATCH = 500
WORTH_TELLING = 15
"""Megabytes; a part that takes less is in the sum only."""
MILLION = 1_000_000
PROFILES: dict[str, tuple[int, list[Command]]] = {
    "1 grant": (50_000, [Grant(100)]),
    "10 grants, 5 spends": (5_000, [command for _ in range(5) for command in (Grant(10), Grant(10), Spend(15))]),
}
"""How many clients are made, and what each of them gets."""

Sizes = Counter[tuple[str, str]]
"""Bytes, by table and by index of it; "" is the table itself."""

POSTGRES_SIZES = """
SELECT relname, '', pg_table_size(oid) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
UNION ALL
SELECT indrelid::regclass::text, indexrelid::regclass::text, pg_relation_size(indexrelid) FROM pg_index
JOIN pg_class ON pg_class.oid = indrelid WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""

SQLITE_SIZES = """
SELECT coalesce(tbl_name, dbstat.name), CASE WHEN dbstat.name = tbl_name THEN '' ELSE dbstat.name END, sum(pgsize)
FROM dbstat LEFT JOIN sqlite_master ON sqlite_master.name = dbstat.name GROUP BY dbstat.name
"""


def main() -> None:
    """Fill both stores with each profile, and print what each part takes."""
    with tempfile.TemporaryDirectory() as name, PostgresServer() as server:
        for nth, (profile, (count, commands)) in enumerate(PROFILES.items()):
            url = server.databases.create(f"sizes_{nth}")
            fill(PostgresUrl(Secret(url)), count, commands)
            path = Path(name) / f"{nth}.db"
            fill(SqliteUrl(path), count, commands)
            show(f"A million clients with {profile} each", count, postgres_sizes(url), sqlite_sizes(path))


def fill(database: DatabaseUrl, count: int, commands: list[Command]) -> None:
    """Make `count` clients, and carry out the commands for each of them."""
    read = replace(settings.load({}), database=database)
    migrate(read, SystemClock())
    installation = open_installation(read, SystemClock())
    bots.create(installation, "bench", BOT)
    keys = (str(UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)) for number in itertools.count(1))
    for first in range(0, count, BATCH):
        who = _made(installation, range(first, first + BATCH))
        for command in commands:
            orders = tuple(Order(each, command, next(keys)) for each in who)
            desk.carry_out(installation, BOT, [Job(orders)])
    installation.close()


def _made(installation: Installation, numbers: range) -> list[Who]:
    ids = [f"U{number * 0x9E3779B97F4A7C15 % 2**128:032x}" for number in numbers]  # as LINE's are: 33 characters
    return [Who(client.client_id) for client in clients.register(installation, BOT, Platform.LINE, ids)]


def postgres_sizes(url: str) -> Sizes:
    """After what autovacuum does in time."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        return _sizes(connection.execute(POSTGRES_SIZES))


def sqlite_sizes(path: Path) -> Sizes:
    """After the write-ahead log has become a part of the file."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    sizes = _sizes(connection.execute(SQLITE_SIZES))
    connection.close()
    return sizes


def _sizes(rows: Iterator[tuple[str, str, int]] | psycopg.Cursor[tuple[str, str, int]] | sqlite3.Cursor) -> Sizes:
    return Counter({(table, index): size for table, index, size in rows})


def show(title: str, count: int, postgres: Sizes, sqlite: Sizes) -> None:
    """A line for each part that takes much, and the sum of all."""
    print(f"\n{title}, MB\n\n| table | index | PostgreSQL | SQLite |\n|---|---|---|---|")
    for part in sorted(postgres.keys() | sqlite.keys()):
        sizes = [_per_million(each[part], count) for each in (postgres, sqlite)]
        if max(sizes) >= WORTH_TELLING:
            print(f"| {part[0]} | {part[1]} | {sizes[0]:,.0f} | {sizes[1]:,.0f} |")
    totals = [_per_million(each.total(), count) for each in (postgres, sqlite)]
    print(f"| all | | {totals[0]:,.0f} | {totals[1]:,.0f} |", flush=True)


def _per_million(size: int, count: int) -> float:
    """Megabytes (of 10^6 bytes) for a million clients."""
    return size / count * MILLION / 1_000_000


if __name__ == "__main__":
    main()
