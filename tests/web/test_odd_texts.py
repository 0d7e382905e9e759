"""Whatever text or number stands in a field, either store answers: what is there is found, and nothing is a fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from remora.service.installation import Installation
from remora.settings import Settings
from remora.settings import rate as parse_rate
from tests.cast import POINT, TOKEN, Api, Shop, open_shop, refused

REGISTER = "/api/openapi/client/register"

ODD = [
    "\0",
    "a\0b",
    "\\u0000",
    "\\",
    "'",
    '"',
    "';--",
    "%s",
    ":ids",
    "\ufffe\uffff",
    "\u202eabc",
    "🧋" * 64,
    "x" * 256,
    "x" * 257,
    "9" * 40,
    "-1",
    "VolejRejN-9223372036854775807",
    "VolejRejN-9223372036854775808",
    "VolejRejN-\u0661",
    "\n",
    "",
]
NUMBERS = [-1, 0, 2**31, 2**53 - 1, 2**53, 2**63 - 1, 2**63, 2**64, 10**40, 1.5, 1e308]

LINE = {"platform": "line", "platformClientId": "U1"}
ORDER = {"clientId": "VolejRejN", "points": 1}
CALLS: dict[str, tuple[dict[str, Any], list[str]]] = {
    POINT: ({"clientIds": ["VolejRejN"]}, ["clientIds[]"]),
    f"{POINT}?": ({"platform": "line", "platformClientIds": ["U1"]}, ["platform", "platformClientIds[]"]),
    REGISTER: ({"platform": "line", "platformClientIds": ["U1"]}, ["platform", "platformClientIds[]"]),
    f"{POINT}/grant": (ORDER, ["clientId", "reason", "metadata", "expiresAt", "activeFrom"]),
    f"{POINT}/grant?": ({**LINE, "points": 1, "createClient": True}, ["platformClientId"]),
    f"{POINT}/spend": (ORDER, ["clientId", "reason", "metadata"]),
    f"{POINT}/hold": (ORDER, ["clientId", "reason", "metadata"]),
    f"{POINT}/capture": ({"clientId": "VolejRejN", "holdId": "VolejRejN-1"}, ["clientId", "holdId"]),
    f"{POINT}/release": ({"clientId": "VolejRejN", "holdId": "VolejRejN-1"}, ["clientId", "holdId"]),
    f"{POINT}/reverse": ({"clientId": "VolejRejN", "entryId": "VolejRejN-1"}, ["clientId", "entryId", "shortfall"]),
    f"{POINT}/history": ({"clientId": "VolejRejN"}, ["clientId", "cursor", "kinds[]", "from", "to"]),
    f"{POINT}/history?": (LINE, ["platformClientId"]),
    f"{POINT}/explain": ({"clientId": "VolejRejN"}, ["clientId", "at"]),
    f"{POINT}/explain?": (LINE, ["platformClientId"]),
    TOKEN: ({}, ["secret"]),
}
TEXT_FIELDS = [(path, field) for path, (_, fields) in CALLS.items() for field in fields]
NUMBER_FIELDS = [
    *((f"{POINT}/{kind}", "points") for kind in ("grant", "spend", "hold", "capture", "reverse")),
    (f"{POINT}/hold", "timeoutSeconds"),
    (f"{POINT}/history", "limit"),
]
FAULTS = {500, 503}


@pytest.fixture
def unlimited(
    serve: Callable[[Installation, Settings], Api], installation: Installation, settings: Settings, shop: Shop
) -> Api:
    """The API without limits. The client that the calls name is there."""
    shop.client(10, client_id="VolejRejN")
    plenty = parse_rate("1000000/hour")
    return serve(installation, replace(settings, rate_limit=plenty, failed_auth_limit=plenty))


def body_of(path: str, field: str, value: object) -> dict[str, Any]:
    """The call's body with another value in a field, or, of a metadata field, in all its places."""
    body, _ = CALLS[path]
    if field.endswith("[]"):
        return {**body, field.removesuffix("[]"): ["VolejRejN", value]}
    if field == "metadata":
        return {**body, field: {"a": value, str(value): [{"b": value}]}}
    return {**body, field: value}


def send(api: Api, shop: Shop, path: str, body: dict[str, Any], key: str = "key") -> int:
    return api.post(
        path.rstrip("?"), shop, {"secret": shop.secret, **body}, headers={"idempotency-key": key}
    ).status_code


def registers(api: Api, shop: Shop, text: str) -> bool:
    return send(api, shop, REGISTER, {"platform": "line", "platformClientIds": [text]}) == 200


@pytest.mark.parametrize(("path", "field"), TEXT_FIELDS)
def test_an_odd_text_in_any_field_is_no_fault(unlimited: Api, shop: Shop, path: str, field: str) -> None:
    for number, odd in enumerate(ODD):
        status = send(unlimited, shop, path, body_of(path, field, odd), f"key-{number}")
        assert status not in FAULTS, odd
    assert unlimited.points_of(shop, "VolejRejN") >= 0


@pytest.mark.parametrize(("path", "field"), NUMBER_FIELDS)
def test_an_odd_number_in_any_field_is_no_fault(unlimited: Api, shop: Shop, path: str, field: str) -> None:
    for number, odd in enumerate(NUMBERS):
        assert send(unlimited, shop, path, body_of(path, field, odd), f"key-{number}") not in FAULTS, odd
    for text in ("1e400", "-1e400", "1" * 5_000, "1." + "1" * 5_000, "NaN"):
        body = f'{{"secret": "{shop.secret}", "clientId": "VolejRejN", "{field}": {text}}}'.encode()
        answer = unlimited.post(path, shop, body, headers={"idempotency-key": "key"})
        assert refused(answer) == (400, 110000)


def test_what_has_an_odd_text_is_found_by_it_and_by_no_other(unlimited: Api, shop: Shop) -> None:
    texts = [odd for odd in ODD if registers(unlimited, shop, odd)]
    assert {"\\u0000", "'", "%s", "🧋" * 64, "x" * 256} <= set(texts)
    assert not {"\0", "a\0b", "\n", "", "x" * 257} & set(texts)
    rows = unlimited.look_up(shop, platform="line", platformClientIds=texts).json()["points"]
    assert [row["platformClientId"] for row in rows] == texts
    for number, text in enumerate(texts):
        body = {"platform": "line", "platformClientId": text, "points": number + 1, "reason": f"to {text}"}
        granted = unlimited.ledger(shop, "grant", f"key-{number}", **body, metadata={text: [text, "\0", {"\0": 1}]})
        assert granted.status_code == 200, granted.text
        assert granted.json()["available"] == number + 1
        [entry] = unlimited.ledger(shop, "history", platform="line", platformClientId=text).json()["entries"]
        assert entry == granted.json()["entry"]
        assert (entry["reason"], entry["metadata"]) == (f"to {text}", {text: [text, "\0", {"\0": 1}]})


def test_every_operation_of_a_batch_that_names_something_odd_is_answered_by_itself(unlimited: Api, shop: Shop) -> None:
    operations: list[dict[str, Any]] = []
    for odd in ODD:
        operations += [
            {"kind": "grant", "key": odd, "clientId": "VolejRejN", "points": 1},
            {"kind": "grant", "key": f"g{len(operations)}", "clientId": odd, "points": 1},
            {"kind": "spend", "key": f"s{len(operations)}", "platform": "line", "platformClientId": odd, "points": 1},
            {"kind": "hold", "key": f"h{len(operations)}", "clientId": "VolejRejN", "points": 1, "reason": odd},
            {"kind": "capture", "key": f"c{len(operations)}", "clientId": odd, "holdId": odd},
            {"kind": "release", "key": f"r{len(operations)}", "clientId": "VolejRejN", "holdId": f"{odd}-1"},
            {"kind": "reverse", "key": f"b{len(operations)}", "clientId": odd, "entryId": f"VolejRejN-{odd}"},
            {"kind": odd, "key": f"k{len(operations)}", "clientId": "VolejRejN"},
        ]
    for mode in ("independent", "atomic"):
        answer = unlimited.ledger(shop, "batch", operations=operations, mode=mode)
        assert answer.status_code not in FAULTS, answer.text
    results = unlimited.ledger(shop, "batch", operations=operations).json()["results"]
    assert [result["index"] for result in results] == list(range(len(operations)))
    assert not any(result.get("code") in FAULTS for result in results)
    assert sum(result["outcome"] == "done" for result in results) > 20


@pytest.mark.parametrize("bot_id", [*ODD, "x" * 64, "_"])
def test_a_bot_of_any_name_that_is_none_is_not_there(unlimited: Api, shop: Shop, bot_id: str) -> None:
    answer = unlimited.post(POINT, shop, {"secret": shop.secret, "clientIds": ["a"]}, bot_id=bot_id)
    assert refused(answer) == (404, 5001)


@pytest.mark.parametrize("key", ["'", '"', "\\", "%s", ":keys", "$1", "\\u0000", "x" * 128, "{}", "[1]", "null"])
def test_a_key_of_any_visible_character_is_kept_as_it_is(unlimited: Api, shop: Shop, key: str) -> None:
    first = unlimited.ledger(shop, "grant", key, **ORDER)
    again = unlimited.ledger(shop, "grant", key, **ORDER)
    assert first.status_code == 200
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    assert refused(unlimited.ledger(shop, "spend", key, **ORDER)) == (409, 900003)
    assert unlimited.points_of(shop, "VolejRejN") == 11


def test_two_bots_may_have_all_the_same_names(unlimited: Api, installation: Installation, shop: Shop) -> None:
    other = open_shop(installation, "otherShop")
    for each, amount in ((shop, 5), (other, 7)):
        body = {"platform": "line", "platformClientId": "\\u0000'", "points": amount, "createClient": True}
        assert unlimited.ledger(each, "grant", "'", **body).json()["available"] == amount
