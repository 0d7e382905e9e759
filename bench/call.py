"""Calls to a running server: look-ups, first one that is looked at, then as many as it answers."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx

from bench import script, wrk
from bench.failure import Failed
from bench.ground import Ground
from bench.served import Served
from bench.shop import PATH, Shop, client_ids

CONNECTIONS = 16
"""As many as look-ups come by at once; orders come by more."""


def url(server: Served, shop: Shop, what: str = "") -> str:
    """Of a look-up, or of another call below it."""
    return f"{server.url}{PATH}{what}?botId={shop.bot_id}"


def lookups(ground: Ground, server: Served, shop: Shop, count: int) -> Callable[[], float]:
    """Look-ups of `count` random clients a second."""
    path = script.lookups(ground.folder, shop, count)
    return lambda: wrk.drive(url(server, shop), path, CONNECTIONS, ground.scale.seconds).rate


def check(server: Served, shop: Shop, count: int) -> None:
    """Failed unless a look-up is answered with that many clients' points."""
    answer = httpx.post(
        url(server, shop),
        content=script.body(shop, client_ids(count)),
        headers={"content-type": "application/json", "authorization": f"Bearer {shop.token}"},
        timeout=30,
    )
    if not answer.is_success or len(json.loads(answer.content).get("points", ())) != count:
        raise Failed(f"a look-up of {count} was answered with {answer.status_code}: {answer.text[:300]}")
