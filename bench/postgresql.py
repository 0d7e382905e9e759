"""Look-ups and durable grants a second on PostgreSQL, beside pgbench with bare statements on the same server.

Rounds alternate, so that what else the machine does falls on all. Only the ratios mean anything elsewhere.
"""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import psycopg
from tests.servers.postgresql import PACKAGE, PostgresServer
from tests.servers.redis import RedisServer

from bench import lookup, writes
from bench.installed import BOT, CLIENTS, Installed, install
from bench.load import ROUNDS, SECONDS, figures, rate, ratio
from bench.serve import running

BARE_TABLES = """
CREATE TABLE bare_balances (number bigint PRIMARY KEY, points bigint NOT NULL) WITH (fillfactor = 80);
CREATE TABLE bare_changes (number bigint NOT NULL, points bigint NOT NULL, at timestamptz NOT NULL DEFAULT now());
INSERT INTO bare_balances SELECT row_number() OVER (), available FROM clients;
"""


SQL = {
    "look-up of 1": "SELECT number, points FROM bare_balances WHERE number = :n0;",
    "look-up of 100": "SELECT number, points FROM bare_balances WHERE number = ANY (CAST(ARRAY[:n0] AS bigint[]));",
    "grant": """
BEGIN;
UPDATE bare_balances SET points = points + 1 WHERE number = :n0;
INSERT INTO bare_changes (number, points) VALUES (:n0, 1);
END;""",
}


def main() -> None:
    """Fill a database, run the rounds, print the table."""
    with tempfile.TemporaryDirectory() as name, PostgresServer(durable=True) as server, RedisServer() as redis:
        folder = Path(name)
        installed = install(server.databases.create("bench"))
        url = installed.environment["REMORA_DATABASE_URL"]
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(BARE_TABLES)
            connection.execute("VACUUM ANALYZE")
        print(f"{CLIENTS:,} clients, {ROUNDS} rounds of {SECONDS} s, a second\n")
        print(
            "work | workers | connections | Remora min / median / max | pgbench min / median / max | ratio", flush=True
        )
        for workers in (1, 2):
            environment = {**installed.environment, "REMORA_WORKERS": str(workers), "REMORA_REDIS_URL": redis.url}
            with running("remora", folder / "remora.log", environment) as remora:
                for what, connections, ours in _work(folder, installed, remora):
                    rates: tuple[list[float], list[float]] = ([], [])
                    for _ in range(ROUNDS):
                        rates[0].append(ours())
                        rates[1].append(_bare_rate(folder, url, what, 32 if what == "grant" else 2))
                    print(
                        f"{what} | {workers} | {connections} | {figures(rates[0])} | {figures(rates[1])} | "
                        f"{ratio(*rates)}",
                        flush=True,
                    )


def _work(folder: Path, installed: Installed, remora: str) -> list[tuple[str, int, Callable[[], float]]]:
    point = f"{remora}/api/openapi/client/point"
    grants = writes.write_script(folder, installed)
    numbers = itertools.count()
    one, hundred = (lookup.write_script(folder, count, installed) for count in (1, 100))
    return [
        ("look-up of 1", 16, lambda: rate(f"{point}?botId={BOT}", one, 16)),
        ("look-up of 100", 16, lambda: rate(f"{point}?botId={BOT}", hundred, 16)),
        ("grant", 64, lambda: rate(f"{point}/grant?botId={BOT}", grants, 64, f"{next(numbers)}-", "random")),
    ]


def _script(what: str) -> str:
    """What pgbench repeats, with as many random numbers as the work has ids."""
    count = 100 if what == "look-up of 100" else 1
    names = [f":n{nth}" for nth in range(count)]
    picks = [f"\\set {name[1:]} random(1, {CLIENTS})" for name in names]
    return "\n".join((*picks, SQL[what].replace("[:n0]", f"[{', '.join(names)}]"), ""))


def _bare_rate(folder: Path, url: str, what: str, connections: int) -> float:
    script = folder / "bare.sql"
    script.write_text(_script(what))
    pgbench = PACKAGE / "pginstall" / "bin" / "pgbench"
    options = f"-n -M prepared -c {connections} -j 2 -T {SECONDS} -f {script}".split()
    done = subprocess.run([pgbench, *options, url], check=False, capture_output=True, text=True)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if found is None or done.returncode:
        sys.exit(f"pgbench failed:\n{done.stderr}")
    return float(found[1])


if __name__ == "__main__":
    main()
