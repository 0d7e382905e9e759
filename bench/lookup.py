"""`make bench`: look-ups of 1 and of 100 ids a second, beside an application that does nothing, on the same server.

Rounds alternate, so that what else the machine does falls on both. Only the ratios mean anything elsewhere.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.serve import running
from remora import ids, settings
from remora.clock import SystemClock
from remora.ledger.grant import Grant, grant
from remora.model import Client, Platform
from remora.service import bots
from remora.service.installation import Installation, migrate, open_installation
from remora.storage import accounts, clients

CLIENTS = 50_000
CONNECTIONS = 16
ROUNDS = 5
SECONDS = 3
BODIES = 500

LUA = """
local bodies = {{ {bodies} }}
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer {token}"
local number = 0
request = function()
  number = number % #bodies + 1
  return wrk.format(nil, nil, nil, bodies[number])
end
"""


def main() -> None:
    """Fill a database, run the rounds, print the table."""
    wrk = shutil.which("wrk")
    if wrk is None:
        sys.exit("the bench wants the load generator wrk (Debian: apt-get install wrk)")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {
            **os.environ,
            "REMORA_DATABASE_URL": f"sqlite:///{folder}/bench.db",
            "REMORA_RATE_LIMIT": "1000000000/minute",
        }
        read = settings.load(environment)
        migrate(read, SystemClock())
        installation = open_installation(read, SystemClock())
        pair = bots.create(installation, "bench", "bench", 0)
        known = _fill(installation)
        installation.close()
        for each in (1, 100):
            _script(folder, each, pair.api_token, pair.api_secret, known)
        with (
            running("remora", folder / "remora.log", environment) as remora,
            running("nothing", folder / "nothing.log", environment) as nothing,
        ):
            print(
                f"{CLIENTS:,} clients, {CONNECTIONS} connections, {ROUNDS} rounds of {SECONDS} s, requests a second\n"
            )
            print("ids | Remora min / median / max  | do-nothing min / median / max | ratio of medians")
            for each in (1, 100):
                ours, theirs = [], []
                for _ in range(ROUNDS):
                    ours.append(_round(wrk, remora, folder / f"{each}.lua"))
                    theirs.append(_round(wrk, nothing, folder / f"{each}.lua"))
                ratio = statistics.median(ours) / statistics.median(theirs)
                print(f"{each:>3} | {_figures(ours):<26} | {_figures(theirs):<29} | {ratio:.2f}")


def _fill(installation: Installation) -> list[str]:
    """Clients with a lot each, all in one transaction."""
    now = installation.clock.now()
    made = []
    with installation.database.write() as tx:
        for number in range(1, CLIENTS + 1):
            client_id = ids.client_id(installation.encoder, number)
            clients.add(tx, "bench", Client(client_id, Platform.LINE, f"U{number:032}"), now)
            account = accounts.load(tx, "bench", client_id)
            assert account is not None
            accounts.save(tx, grant(account, Grant(number), now))
            made.append(client_id)
    return made


def _script(folder: Path, count: int, token: str, secret: str, known: Sequence[str]) -> None:
    """A script for wrk that sends bodies with `count` random ids."""
    chance = random.Random(count)  # noqa: S311 (which client is asked for is no secret)
    bodies = (json.dumps({"secret": secret, "clientIds": chance.sample(known, count)}) for _ in range(BODIES))
    text = ",\n".join(f"[[{body}]]" for body in bodies)
    (folder / f"{count}.lua").write_text(LUA.format(bodies=text, token=token))


def _round(wrk: str, url: str, script: Path) -> float:
    target = f"{url}/api/openapi/client/point?botId=bench"
    command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-s", str(script), target]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        sys.exit(f"not every request was answered with 200:\n{out}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    assert rate is not None, out
    return float(rate[1])


def _figures(rates: Sequence[float]) -> str:
    return f"{min(rates):,.0f} / {statistics.median(rates):,.0f} / {max(rates):,.0f}"


if __name__ == "__main__":
    main()
