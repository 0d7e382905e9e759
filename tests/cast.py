"""The fixed cast of the tests: a clock that stands still, two shops, and a way to call the API."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx

from remora.ledger.commands import Grant
from remora.model import MICROSECONDS_PER_SECOND, NEVER, Platform
from remora.service import bots, clients, points
from remora.service.installation import Installation
from remora.settings import Secret

START = 1_800_000_000 * MICROSECONDS_PER_SECOND
SECOND = MICROSECONDS_PER_SECOND
DAY = 86_400 * SECOND
SIGNING_KEY = Secret("a signing key for tests, long enough")

POINT = "/api/openapi/client/point"
TOKEN = "/api/openapi/token"


class ManualClock:
    """Stands still until it is moved."""

    def __init__(self, now: int = START) -> None:
        self.time = now

    def now(self) -> int:
        return self.time


@dataclass
class Shop:
    """A bot with its pair, and short ways to give it clients."""

    installation: Installation
    bot_id: str
    token: str
    secret: str

    def client(
        self,
        *lots: int,
        platform: Platform = Platform.LINE,
        platform_client_id: str = "U1",
        client_id: str | None = None,
    ) -> str:
        """Add a client with lots that never expire, and return its encoded id."""
        added = clients.add(self.installation, self.bot_id, platform, platform_client_id, client_id)
        for amount in lots:
            self.grant(added.client_id, amount)
        return added.client_id

    def grant(self, client_id: str, amount: int, expires_at: int = NEVER) -> None:
        points.order(self.installation, self.bot_id, client_id, Grant(amount, expires_at))


def open_shop(installation: Installation, bot_id: str, overlap_minutes: int = 0) -> Shop:
    pair = bots.create(installation, f"Shop {bot_id}", bot_id, overlap_minutes=overlap_minutes)
    return Shop(installation, bot_id, pair.api_token, pair.api_secret)


@dataclass
class Api:
    """Calls a running server the way a shop's backend does."""

    http: httpx.Client

    def look_up(self, shop: Shop, **fields: Any) -> httpx.Response:
        """Ask for points with the shop's own pair; `fields` are the rest of the body."""
        return self.post(POINT, shop, {"secret": shop.secret, **fields})

    def points_of(self, shop: Shop, client_id: str) -> int:
        """What a look-up says that a client has."""
        points: int = self.look_up(shop, clientIds=[client_id]).json()["points"][0]["points"]
        return points

    def exchange(self, shop: Shop, **fields: Any) -> httpx.Response:
        return self.post(TOKEN, shop, {"secret": shop.secret, **fields})

    def ledger(self, shop: Shop, what: str, key: str | None = None, **fields: Any) -> httpx.Response:
        """Call `…/client/point/WHAT`; an order has a key."""
        headers = {} if key is None else {"idempotency-key": key}
        return self.post(f"{POINT}/{what}", shop, {"secret": shop.secret, **fields}, headers=headers)

    def post(
        self,
        path: str,
        shop: Shop | None,
        body: Any,
        *,
        bot_id: str | None = None,
        token: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Post a body, as JSON unless it is bytes; what is not given is the shop's."""
        if shop is not None:
            bot_id = shop.bot_id if bot_id is None else bot_id
            token = shop.token if token is None else token
        return self.http.post(
            path,
            params={} if bot_id is None else {"botId": bot_id},
            content=body if isinstance(body, bytes) else json.dumps(body).encode(),
            headers={
                "content-type": "application/json",
                **({} if token is None else {"authorization": f"Bearer {token}"}),
                **(headers or {}),
            },
        )


def refused(response: httpx.Response) -> tuple[int, int]:
    """The status and code of a refusal in the right envelope."""
    body = response.json()
    assert body["success"] is False
    assert set(body) == {"success", "errResponse"}
    assert set(body["errResponse"]) <= {"message", "code", "botId", "available", "shortfall"}
    assert body["errResponse"]["message"]
    return response.status_code, body["errResponse"]["code"]
