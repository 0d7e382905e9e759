"""Calls to a running server: look-ups, first one that is looked at, then as many as it answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from uuid import uuid4

import httpx

from bench import script, wrk
from bench.failure import Failed
from bench.ground import Ground
from bench.served import PATIENCE_SECONDS, Served
from bench.shop import PATH, Shop, client_id, client_ids

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
    answer = _post(server, shop, "", script.body(shop, client_ids(count)))
    if len(json.loads(answer.content).get("points", ())) != count:
        raise Failed(f"a look-up of {count} was answered with {answer.text[:300]}")


def drain(server: Served, shop: Shop) -> None:
    """Wait until the orders are written that a load left behind when its time was over: orders are carried out in
    turn, by one writer whichever worker took them, so one more is answered after them.
    """
    order = json.dumps({"secret": shop.secret, "clientId": client_id(1), "points": 1})
    _post(server, shop, "/grant", order, {"idempotency-key": f"drain-{uuid4()}"})


def _post(server: Served, shop: Shop, what: str, body: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
    """A call that succeeds, or Failed."""
    answer = httpx.post(
        url(server, shop, what),
        content=body,
        headers={"content-type": "application/json", "authorization": f"Bearer {shop.token}", **(headers or {})},
        timeout=PATIENCE_SECONDS,
    )
    if not answer.is_success:
        raise Failed(f"a call was answered with {answer.status_code}: {answer.text[:300]}")
    return answer
