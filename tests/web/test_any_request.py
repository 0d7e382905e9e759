"""Properties of any request whatever: a documented answer, and never another bot's client."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from msgspec.structs import replace

from remora.model import Platform
from remora.service.installation import Installation
from remora.settings import Settings
from remora.settings import rate as parse_rate
from remora.web import routes
from tests.cast import POINT, TOKEN, Api, Shop, open_shop

# Half of the examples on each store.
UNSHARED = effort(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

DOCUMENTED = {
    path: {int(status) for status in routes.api_document()["paths"][path.removeprefix("/api")]["post"]["responses"]}
    for path in (POINT, TOKEN)
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
ids = st.text(max_size=300) | st.sampled_from(["mine", "theirs", "shared"])
fields = st.fixed_dictionaries(
    {},
    optional={
        "clientIds": st.lists(ids, max_size=101) | json_values,
        "platform": st.sampled_from([*Platform, "sms", ""]) | json_values,
        "platformClientIds": st.lists(ids, max_size=101) | json_values,
        "includeNotFound": st.booleans() | json_values,
    },
)


@pytest.fixture
def unlimited(serve: Any, installation: Installation, settings: Settings) -> Api:
    plenty = parse_rate("1000000/hour")
    served: Api = serve(installation, replace(settings, rate_limit=plenty, failed_auth_limit=plenty))
    return served


def check_documented(path: str, answer: Any) -> None:
    body = answer.json()
    assert answer.status_code in DOCUMENTED[path] - {500}, body
    if answer.status_code == 200:
        assert body["success"] is True
    else:
        assert body["success"] is False
        assert isinstance(body["errResponse"]["code"], int)


@UNSHARED
@given(body=json_values)
def test_any_json_gets_a_documented_answer(unlimited: Api, shop: Shop, body: Any) -> None:
    for path in (POINT, TOKEN):
        check_documented(path, unlimited.post(path, shop, body))


@UNSHARED
@given(body=st.binary(max_size=200))
def test_any_bytes_get_a_documented_answer(unlimited: Api, shop: Shop, body: bytes) -> None:
    check_documented(POINT, unlimited.post(POINT, shop, body))


@UNSHARED
@given(body=fields)
def test_any_fields_beside_a_right_secret_get_a_documented_answer(
    unlimited: Api, shop: Shop, body: dict[str, Any]
) -> None:
    check_documented(POINT, unlimited.look_up(shop, **body))


@UNSHARED
@given(
    bot_id=st.text(st.characters(exclude_categories=["Cs"])),
    token=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1),
)
def test_any_bot_id_and_any_token_get_a_documented_answer(unlimited: Api, shop: Shop, bot_id: str, token: str) -> None:
    check_documented(POINT, unlimited.post(POINT, shop, {}, bot_id=bot_id))
    check_documented(POINT, unlimited.post(POINT, shop, {}, token=token))


names = st.sampled_from(["a", "b", "c", "d"])
people = st.dictionaries(names, st.integers(1, 1000), max_size=4)


@UNSHARED
@given(mine=people, theirs=people, asked=st.lists(names, min_size=1), asked_there=st.lists(names, min_size=1))
def test_no_request_of_one_bot_ever_shows_anothers_client(
    unlimited: Api,
    installation: Installation,
    mine: dict[str, int],
    theirs: dict[str, int],
    asked: list[str],
    asked_there: list[str],
) -> None:
    """Two bots may have clients with the same encoded ids and the same platform ids; each sees its own."""
    number = installation.clock.now()
    shops = [open_shop(installation, f"bot{side}-{number}-{id(asked)}") for side in "AB"]
    try:
        for shop, clients in zip(shops, (mine, theirs), strict=True):
            for name, amount in clients.items():
                shop.client(amount, platform_client_id=name, client_id=name)
        for shop, clients in zip(shops, (mine, theirs), strict=True):
            answer = unlimited.look_up(shop, clientIds=asked, platform="line", platformClientIds=asked_there)
            rows = answer.json().get("points", [])
            shown = [(row.get("clientId") or row["platformClientId"], row["points"]) for row in rows]
            wanted = [*dict.fromkeys(asked)], [*dict.fromkeys(asked_there)]
            assert shown == [(name, clients[name]) for names in wanted for name in names if name in clients]
            assert answer.status_code == (200 if shown else 404)
    finally:
        with installation.database.write() as tx:
            for table in ("bots", "credentials", "clients", "lots", "entries", "entry_lots"):
                tx.script(f"DELETE FROM {table};")


def test_there_is_no_other_way_in() -> None:
    paths = [route.path for route in routes.every()]
    orders = ["grant", "spend", "hold", "capture", "release", "reverse", "batch", "history", "explain"]
    assert paths == [
        POINT,
        TOKEN,
        "/api/openapi/client/register",
        *(f"{POINT}/{each}" for each in orders),
        "/api/openapi.json",
        "/api/docs",
        "/healthz",
        "/readyz",
        "/metrics",
        "/console",
        "/console/{rest:path}",
    ]
