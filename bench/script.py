"""What wrk sends: scripts of look-ups, of orders and of batches. Bodies and ids are in files beside them."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

from bench.shop import Shop, client_id

BODIES = {1: 20_000, 100: 1_000}
"""How many different bodies are sent of those that ask for so many ids."""

HEAD = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer {token}"
local lines = {{}}
for line in io.lines("{listed}") do lines[#lines + 1] = line end
local number = 0
"""

# Made before the time runs, so that the load generator does as little as it can.
LOOKUPS = """
local requests = {{}}
init = function()
  for each, body in ipairs(lines) do requests[each] = wrk.format(nil, nil, nil, body) end
end
request = function()
  number = number % #requests + 1
  return requests[number]
end
"""

# Arguments: what keys begin with; "random", or which of the clients has all orders, or "each" for one after the other.
ORDERS = """
local prefix, who
init = function(arguments)
  prefix, who = arguments[1], arguments[2]
  math.randomseed(os.time())
end
request = function()
  number = number + 1
  wrk.headers["Idempotency-Key"] = prefix .. number
  local nth = who == "random" and math.random(#lines) or who == "each" and (number - 1) % #lines + 1 or tonumber(who)
  return wrk.format(nil, nil, nil, '{{"secret":"{secret}","clientId":"' .. lines[nth] .. '","points":{points}}}')
end
"""

BATCHES = """
local prefix
init = function(arguments)
  prefix = arguments[1]
  math.randomseed(os.time())
end
request = function()
  local operations = {{}}
  for nth = 1, {size} do
    number = number + 1
    operations[nth] = '{{"kind":"grant","key":"' .. prefix .. number .. '","clientId":"'
      .. lines[math.random(#lines)] .. '","points":1}}'
  end
  return wrk.format(nil, nil, nil, '{{"secret":"{secret}","operations":[' .. table.concat(operations, ",") .. ']}}')
end
"""


def lookups(folder: Path, shop: Shop, count: int) -> Path:
    """Look-ups of `count` random clients each."""
    chance = random.Random(count)  # noqa: S311 (which client is asked for is no secret)
    bodies = [
        body(shop, [client_id(number) for number in chance.sample(range(1, shop.clients + 1), count)])
        for _ in range(BODIES[count])
    ]
    return _written(folder / f"lookup-{shop.bot_id}-{shop.clients}-{count}.lua", LOOKUPS, shop, bodies)


def body(shop: Shop, ids: Sequence[str]) -> str:
    """A look-up of these clients."""
    return json.dumps({"secret": shop.secret, "clientIds": ids})


def orders(folder: Path, shop: Shop, points: int, ids: Sequence[str]) -> Path:
    """Orders of so many points, each with a key of its own, for the clients that the arguments tell."""
    return _written(folder / f"orders-{shop.bot_id}-{points}.lua", ORDERS, shop, ids, points=points)


def batches(folder: Path, shop: Shop, size: int, ids: Sequence[str]) -> Path:
    """Batches of grants of one point to random clients."""
    return _written(folder / f"batches-{shop.bot_id}.lua", BATCHES, shop, ids, size=size)


def _written(path: Path, template: str, shop: Shop, lines: Sequence[str], **values: int) -> Path:
    listed = path.with_suffix(".txt")
    listed.write_text("\n".join(lines))
    text = (HEAD + template).format(token=shop.token, secret=shop.secret, listed=listed, **values)
    path.write_text(text)
    return path
