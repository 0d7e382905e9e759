"""Limits: one for each bot, one for each address that fails to authenticate."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from remora.service.installation import Installation
from remora.settings import Settings
from remora.settings import rate as parse_rate
from remora.web.rate_limit import address_key
from tests.cast import POINT, Api, Shop, refused

Serve = Callable[[Installation, Settings], Api]


@pytest.fixture
def strict(serve: Serve, installation: Installation, settings: Settings) -> Api:
    """Three requests of a bot, and two failures of an address, in an hour."""
    return serve(
        installation,
        replace(settings, rate_limit=parse_rate("3/hour"), failed_auth_limit=parse_rate("2/hour")),
    )


def test_a_bot_over_its_limit_gets_429_and_is_told_when_to_come_back(strict: Api, shop: Shop) -> None:
    client_id = shop.client(1)
    assert [strict.look_up(shop, clientIds=[client_id]).status_code for _ in range(3)] == [200, 200, 200]
    answer = strict.look_up(shop, clientIds=[client_id])
    assert refused(answer) == (429, 429)
    assert 1 <= int(answer.headers["retry-after"]) <= 3600


def test_one_bots_limit_is_not_anothers(strict: Api, shop: Shop, rival: Shop) -> None:
    for _ in range(4):
        last = strict.look_up(shop, clientIds=[shop.client(1)])
    assert refused(last) == (429, 429)
    assert strict.look_up(rival, clientIds=[rival.client(1)]).status_code == 200


def test_every_answer_says_what_is_left(strict: Api, shop: Shop) -> None:
    client_id = shop.client(1)
    for remaining in (2, 1, 0, 0):
        answer = strict.look_up(shop, clientIds=[client_id])
        assert answer.headers["ratelimit-policy"] == '"bot";q=3;w=3600'
        assert re.fullmatch(rf'"bot";r={remaining};t=(3600|3[0-5]\d\d)', answer.headers["ratelimit"])


def test_a_refused_body_counts_and_says_what_is_left(strict: Api, shop: Shop) -> None:
    answer = strict.look_up(shop, clientIds=[])
    assert refused(answer) == (400, 110000)
    assert answer.headers["ratelimit"].startswith('"bot";r=2;')


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nowhere"), ("GET", POINT), ("GET", "/healthz"), ("GET", "/api/docs")]
)
def test_an_answer_to_nobody_known_says_what_is_left_of_failures(strict: Api, method: str, path: str) -> None:
    answer = strict.http.request(method, path)
    assert answer.headers["ratelimit-policy"] == '"failed-auth";q=2;w=3600'
    assert answer.headers["ratelimit"].startswith('"failed-auth";r=2;')


def test_an_address_that_fails_too_often_gets_429(strict: Api, shop: Shop) -> None:
    assert refused(strict.post(POINT, shop, {}, token="bad")) == (401, 1004)
    assert refused(strict.post(POINT, shop, {"secret": "wrong"})) == (403, 1002)
    answer = strict.post(POINT, shop, {}, token="bad")
    assert refused(answer) == (429, 429)
    assert 1 <= int(answer.headers["retry-after"]) <= 3600
    assert answer.headers["ratelimit"].startswith('"failed-auth";r=0;')


def test_a_right_pair_works_from_an_address_where_others_fail(strict: Api, shop: Shop) -> None:
    for _ in range(5):
        strict.post(POINT, shop, {}, token="bad")
    assert strict.look_up(shop, clientIds=[shop.client(1)]).status_code == 200


def test_failures_do_not_use_up_the_bots_limit(strict: Api, shop: Shop) -> None:
    for _ in range(5):
        strict.post(POINT, shop, {"secret": "wrong"})
    assert strict.look_up(shop, clientIds=[shop.client(1)]).headers["ratelimit"].startswith('"bot";r=2;')


def test_an_exchange_counts_like_any_call(strict: Api, shop: Shop) -> None:
    assert strict.exchange(shop).headers["ratelimit"].startswith('"bot";r=2;')


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("a.unix.socket", "a.unix.socket"),
    ],
)
def test_an_ipv6_subscriber_is_one_address(host: str, key: str) -> None:
    assert address_key(host) == key
