"""Limits that several processes share through Redis, as callers of the API meet them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from redis import Redis

from remora.service.installation import Installation
from remora.settings import Secret, Settings
from remora.settings import rate as parse_rate
from tests.cast import POINT, Api, Shop, refused
from tests.servers.redis import RedisServer

HOUR = 3600

Serve = Callable[[Installation, Settings], Api]


@pytest.fixture
def strict(settings: Settings, redis: str) -> Settings:
    """Three requests of a bot, and two failures of an address, in an hour."""
    with Redis.from_url(redis) as server:
        server.flushall()
    return replace(
        settings,
        redis_url=Secret(redis),
        rate_limit=parse_rate("3/hour"),
        failed_auth_limit=parse_rate("2/hour"),
    )


def test_a_bots_requests_count_at_whichever_process_they_come(
    serve: Serve, installation: Installation, strict: Settings, shop: Shop
) -> None:
    client_id = shop.client(1)
    one = serve(installation, strict)
    assert one.look_up(shop, clientIds=[client_id]).headers["ratelimit"] == '"bot";r=2;t=3600'
    assert one.post(POINT, shop, {"secret": "wrong"}).status_code == 403
    another = serve(installation, strict)
    assert another.look_up(shop, clientIds=[client_id]).status_code == 200
    assert another.look_up(shop, clientIds=[client_id]).headers["ratelimit"].startswith('"bot";r=0;t=3')
    answer = another.look_up(shop, clientIds=[client_id])
    assert refused(answer) == (429, 429)
    assert HOUR - 60 <= int(answer.headers["retry-after"]) <= HOUR


def test_an_addresss_failures_count_at_whichever_process_they_come(
    serve: Serve, installation: Installation, strict: Settings, shop: Shop
) -> None:
    one = serve(installation, strict)
    assert refused(one.post(POINT, shop, {}, token="bad")) == (401, 1004)
    another = serve(installation, strict)
    assert refused(another.post(POINT, shop, {"secret": "wrong"})) == (403, 1002)
    assert refused(another.post(POINT, shop, {}, token="bad")) == (429, 429)


def test_the_api_answers_without_its_redis(
    serve: Serve, installation: Installation, strict: Settings, shop: Shop, mortal_redis: RedisServer
) -> None:
    api = serve(installation, replace(strict, redis_url=Secret(mortal_redis.url)))
    client_id = shop.client(1)
    mortal_redis.kill()
    assert [api.look_up(shop, clientIds=[client_id]).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert refused(api.post(POINT, shop, {}, token="bad")) == (401, 1004)
    assert api.look_up(shop, clientIds=[]).headers["ratelimit"].startswith('"bot";r=0;')
