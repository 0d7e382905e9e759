"""When several things are wrong, the first in the contract's order is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from remora.service import bots, pairs
from remora.service.installation import Installation
from remora.settings import Settings
from remora.settings import rate as parse_rate
from tests.cast import POINT, TOKEN, Api, Shop, refused

BIG = b" " * 65_537


def test_an_oversized_body_is_told_before_a_missing_token(api: Api) -> None:
    assert refused(api.post(POINT, None, BIG)) == (413, 413)


@pytest.mark.parametrize("path", [POINT, TOKEN])
@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic abc", "Bearer not.a.token", "Bearer \xff"])
def test_no_or_a_malformed_token_is_401(api: Api, path: str, header: str | None) -> None:
    headers = {} if header is None else {"authorization": header.encode("latin-1")}
    answer = api.http.post(path, headers=headers, content=b"{}")  # type: ignore[arg-type]
    assert refused(answer) == (401, 1004)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_bad_token_is_told_before_an_unknown_bot(api: Api, shop: Shop) -> None:
    assert refused(api.post(POINT, shop, {}, bot_id="nobody", token="bad")) == (401, 1004)


@pytest.mark.parametrize("bot_id", ["nobody", "", "a" * 65, "x\0y", "é"])
def test_an_unknown_bot_is_404_with_5001_before_anything_of_the_body(api: Api, shop: Shop, bot_id: str) -> None:
    assert refused(api.post(POINT, shop, b"not json", bot_id=bot_id)) == (404, 5001)


def test_a_missing_or_repeated_bot_id_is_404_with_5001(api: Api, shop: Shop) -> None:
    headers = {"authorization": f"Bearer {shop.token}"}
    missing = api.http.post(POINT, headers=headers)
    assert refused(missing) == (404, 5001)
    assert "botId" in missing.json()["errResponse"]["message"]
    twice = api.http.post(f"{POINT}?botId={shop.bot_id}&botId={shop.bot_id}", headers=headers)
    assert refused(twice) == (404, 5001)


def test_a_superseded_pair_is_told_before_a_wrong_secret_and_a_plan_that_is_off(
    api: Api, shop: Shop, installation: Installation
) -> None:
    pairs.rotate(installation, shop.bot_id, None)
    bots.update(installation, shop.bot_id, api_enabled=False)
    assert refused(api.post(POINT, shop, {"secret": "wrong"})) == (404, 120000)


def test_another_bots_token_a_wrong_secret_and_a_plan_that_is_off_look_the_same(
    api: Api, shop: Shop, rival: Shop, installation: Installation
) -> None:
    body = {"secret": shop.secret, "clientIds": [shop.client(1)]}
    anothers = api.post(POINT, shop, body, token=rival.token)
    wrong = api.post(POINT, shop, {**body, "secret": rival.secret})
    bots.update(installation, shop.bot_id, api_enabled=False)
    off = api.post(POINT, shop, body)
    assert refused(anothers) == (403, 1002)
    assert anothers.json() == wrong.json() == off.json()


def test_a_plan_that_is_on_again_works_again(api: Api, shop: Shop, installation: Installation) -> None:
    client_id = shop.client(1)
    bots.update(installation, shop.bot_id, api_enabled=False)
    bots.update(installation, shop.bot_id, api_enabled=True)
    assert api.look_up(shop, clientIds=[client_id]).status_code == 200


def test_a_wrong_secret_is_told_before_the_rate_and_the_rate_before_the_body(
    serve: Callable[[Installation, Settings], Api], installation: Installation, settings: Settings, shop: Shop
) -> None:
    api = serve(installation, replace(settings, rate_limit=parse_rate("1/hour")))
    assert refused(api.look_up(shop, clientIds=[])) == (400, 110000)
    assert refused(api.look_up(shop, clientIds=[])) == (429, 429)
    assert refused(api.post(POINT, shop, {"secret": "wrong"})) == (403, 1002)


def test_a_wrong_body_is_told_before_unknown_clients(api: Api, shop: Shop) -> None:
    assert refused(api.look_up(shop, clientIds=["nobody"], platform="line")) == (400, 110000)


@pytest.mark.parametrize("body", [{}, b"not json"])
def test_a_plan_that_is_off_is_told_before_a_missing_secret(
    api: Api, shop: Shop, installation: Installation, body: Any
) -> None:
    bots.update(installation, shop.bot_id, api_enabled=False)
    assert refused(api.post(POINT, shop, body)) == (403, 1002)


def test_a_refusal_names_the_bot_that_was_asked_for(api: Api, shop: Shop) -> None:
    assert api.look_up(shop, clientIds=[]).json()["errResponse"]["botId"] == shop.bot_id
