"""Look-ups of 1 and of 100 ids a second, beside an application that does nothing, on the same server.

Rounds alternate, so that what else the machine does falls on both. Only the ratios mean anything elsewhere.
"""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path

from bench.installed import BOT, CLIENTS, Installed, install
from bench.load import ROUNDS, SECONDS, figures, rate, ratio
from bench.serve import running

CONNECTIONS = 16
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
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        installed = install(folder)
        with (
            running("remora", folder / "remora.log", installed.environment) as remora,
            running("nothing", folder / "nothing.log", installed.environment) as nothing,
        ):
            print(
                f"{CLIENTS:,} clients, {CONNECTIONS} connections, {ROUNDS} rounds of {SECONDS} s, requests a second\n"
            )
            print("ids | Remora min / median / max  | do-nothing min / median / max | ratio of medians")
            for count in (1, 100):
                lua = script(folder, count, installed)
                ours: list[float] = []
                theirs: list[float] = []
                for _ in range(ROUNDS):
                    for url, rates in ((remora, ours), (nothing, theirs)):
                        rates.append(rate(f"{url}/api/openapi/client/point?botId={BOT}", lua, CONNECTIONS))
                print(f"{count:>3} | {figures(ours):<26} | {figures(theirs):<29} | {ratio(ours, theirs)}")


def script(folder: Path, count: int, installed: Installed) -> Path:
    """A script for wrk that sends bodies with `count` random ids."""
    chance = random.Random(count)  # noqa: S311 (which client is asked for is no secret)
    bodies = (
        json.dumps({"secret": installed.secret, "clientIds": chance.sample(installed.client_ids, count)})
        for _ in range(BODIES)
    )
    path = folder / f"{count}.lua"
    path.write_text(LUA.format(bodies=",\n".join(f"[[{body}]]" for body in bodies), token=installed.token))
    return path


if __name__ == "__main__":
    main()
