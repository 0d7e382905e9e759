"""Orders of callers who were let in before: who gives them is read again with what they touch, and told as ever."""

from __future__ import annotations

from collections.abc import Callable

import jwt
import pytest
from msgspec.structs import replace

from remora.errors import PairSuperseded
from remora.ledger.commands import Grant
from remora.service import bots, pairs
from remora.service.desk import carry_out
from remora.service.installation import Installation
from remora.service.orders import Job, Order, Who
from remora.settings import Settings
from remora.settings import rate as parse_rate
from tests.cast import POINT, Api, Shop, refused

Serve = Callable[[Installation, Settings], Api]

POINTS = 5


@pytest.fixture
def client_id(api: Api, shop: Shop) -> str:
    """Of a client who was granted points by the call, so that its caller is known from then on."""
    client_id = shop.client()
    assert api.ledger(shop, "grant", "first", clientId=client_id, points=POINTS).status_code == 200
    return client_id


def superseded(installation: Installation, shop: Shop) -> None:
    pairs.rotate(installation, shop.bot_id, None)


def switched_off(installation: Installation, shop: Shop) -> None:
    bots.update(installation, shop.bot_id, api_enabled=False)


@pytest.mark.parametrize(("shut_out", "answer"), [(superseded, (404, 120000)), (switched_off, (403, 1002))])
@pytest.mark.parametrize(
    ("what", "key", "body"),
    [
        ("grant", "second", {"points": 1}),
        ("grant", "first", {"points": POINTS}),
        ("grant", "second", {"points": 0}),
        ("grant", None, {"points": 1}),
        ("grant", "", {"points": 1}),
        ("spend", "second", {"points": 100}),
        ("grant", "second", {"points": 1, "dryRun": True}),
    ],
    ids=["an order", "its replay", "a wrong field", "no key", "a wrong key", "too few points", "a dry run"],
)
def test_whoever_is_shut_out_is_told_so_whatever_they_order(
    api: Api,
    shop: Shop,
    installation: Installation,
    client_id: str,
    shut_out: Callable[[Installation, Shop], None],
    answer: tuple[int, int],
    what: str,
    key: str | None,
    body: dict[str, object],
) -> None:
    shut_out(installation, shop)
    for _ in range(2):
        headers = {} if key is None else {"idempotency-key": key}
        content = {"secret": shop.secret, "clientId": client_id, **body}
        assert refused(api.post(f"{POINT}/{what}", shop, content, headers=headers)) == answer
    bots.update(installation, shop.bot_id, api_enabled=True)
    pair = pairs.rotate(installation, shop.bot_id, None)
    shop.token, shop.secret = pair.api_token, pair.api_secret
    assert api.points_of(shop, client_id) == POINTS


@pytest.mark.usefixtures("client_id")
def test_a_batch_of_which_nothing_can_be_done_tells_that_its_caller_is_shut_out(
    api: Api, shop: Shop, installation: Installation
) -> None:
    body = {"secret": shop.secret, "operations": [{"kind": "grant", "key": "k", "clientId": "x", "points": 0}]}
    assert api.post(f"{POINT}/batch", shop, body).json()["results"][0]["code"] == 110000
    superseded(installation, shop)
    assert refused(api.post(f"{POINT}/batch", shop, body)) == (404, 120000)


def test_a_wrong_secret_is_still_one(api: Api, shop: Shop, client_id: str) -> None:
    order = {"secret": "x" * len(shop.secret), "clientId": client_id, "points": 1}
    assert refused(api.post(f"{POINT}/grant", shop, order, headers={"idempotency-key": "second"})) == (403, 1002)
    assert api.points_of(shop, client_id) == POINTS


def test_whoever_is_shut_out_is_told_so_before_the_rate_and_counted_as_one_who_failed(
    serve: Serve, installation: Installation, settings: Settings, shop: Shop
) -> None:
    api = serve(installation, replace(settings, rate_limit=parse_rate("2/hour")))
    client_id = shop.client()
    answers = [api.ledger(shop, "grant", f"k{number}", clientId=client_id, points=1) for number in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    superseded(installation, shop)
    answer = api.ledger(shop, "grant", "more", clientId=client_id, points=1)
    assert refused(answer) == (404, 120000)
    assert '"failed-auth";' in answer.headers["ratelimit"]


def test_an_order_whose_token_is_shut_out_leaves_its_neighbours_alone(installation: Installation, shop: Shop) -> None:
    one, other = shop.client(platform_client_id="U1"), shop.client(platform_client_id="U2")
    superseded(installation, shop)
    old = jwt.decode(shop.token, options={"verify_signature": False})["jti"]
    jobs = [
        Job((Order(Who(one), Grant(1)),), token_id=old),
        Job((Order(Who(other), Grant(1)),)),
    ]
    refusal, done = carry_out(installation, shop.bot_id, jobs)
    assert isinstance(refusal, PairSuperseded)
    assert isinstance(done, list)
    assert done[0].available == 1
