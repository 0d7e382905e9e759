"""Which tokens are refused: all but an HS256 one of ours, for this bot, with an `exp` to come."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest

from tests.cast import POINT, SIGNING_KEY, START, Api, Shop, refused

NOW_SECONDS = START // 1_000_000


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def unsigned(claims: dict[str, Any], algorithm: str) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims)}."


def ask(api: Api, shop: Shop, token: str) -> tuple[int, int]:
    return refused(api.post(POINT, shop, {"secret": shop.secret, "clientIds": ["a"]}, token=token))


def test_a_token_is_hs256_and_names_its_bot_and_an_end(shop: Shop) -> None:
    assert jwt.get_unverified_header(shop.token) == {"alg": "HS256", "typ": "JWT"}
    claims = claims_of(shop.token)
    assert set(claims) == {"botId", "jti", "iat", "exp"}
    assert claims["botId"] == shop.bot_id
    assert claims["exp"] - claims["iat"] == 30 * 86400


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", "HS256"])
def test_a_token_without_a_signature_is_refused(api: Api, shop: Shop, algorithm: str) -> None:
    assert ask(api, shop, unsigned(claims_of(shop.token), algorithm)) == (401, 1004)


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_is_refused_even_with_our_key(api: Api, shop: Shop, algorithm: str) -> None:
    key = SIGNING_KEY.reveal().ljust(64, "k")
    assert ask(api, shop, jwt.encode(claims_of(shop.token), key, algorithm=algorithm)) == (401, 1004)


def test_another_key_is_refused(api: Api, shop: Shop) -> None:
    token = jwt.encode(claims_of(shop.token), "another key, which is just as long", algorithm="HS256")
    assert ask(api, shop, token) == (401, 1004)


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_token_with_a_changed_part_is_refused(api: Api, shop: Shop, part: int) -> None:
    parts = shop.token.split(".")
    parts[part] = ("A" if parts[part][0] != "A" else "B") + parts[part][1:]
    assert ask(api, shop, ".".join(parts)) == (401, 1004)


@pytest.mark.parametrize(
    "change",
    [
        {"exp": None},
        {"exp": NOW_SECONDS},
        {"exp": NOW_SECONDS - 1},
        {"exp": -1},
        {"exp": str(NOW_SECONDS + 60)},
        {"exp": True},
        {"exp": 1e400},
        {"jti": None},
        {"jti": "unknown"},
        {"jti": ["x"]},
        {"botId": None},
        {"botId": 7},
    ],
)
def test_a_signed_token_with_wrong_claims_is_refused(api: Api, shop: Shop, change: dict[str, Any]) -> None:
    claims = {name: value for name, value in {**claims_of(shop.token), **change}.items() if value is not None}
    token = jwt.api_jws.encode(json.dumps(claims).encode(), SIGNING_KEY.reveal(), algorithm="HS256")
    assert ask(api, shop, token) == (401, 1004)


def test_a_token_that_claims_another_bot_is_403(api: Api, shop: Shop, rival: Shop) -> None:
    token = jwt.encode({**claims_of(shop.token), "botId": rival.bot_id}, SIGNING_KEY.reveal(), algorithm="HS256")
    assert ask(api, shop, token) == (403, 1002)
    assert refused(api.post(POINT, rival, {"secret": shop.secret}, token=token)) == (401, 1004)


def test_an_expired_token_of_another_bot_exchanges_nothing(api: Api, shop: Shop, rival: Shop) -> None:
    assert refused(api.post("/api/openapi/token", shop, {"secret": rival.secret}, token=rival.token)) == (403, 1002)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_in_any_case(api: Api, shop: Shop, scheme: str) -> None:
    answer = api.post(
        POINT,
        None,
        {"secret": shop.secret, "clientIds": [shop.client(1)]},
        bot_id=shop.bot_id,
        headers={"authorization": f"{scheme} {shop.token}"},
    )
    assert answer.status_code == 200
