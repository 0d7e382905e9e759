"""Grant, spend, hold, capture, release and reverse over HTTP: shapes, and refusals with their figures."""

from __future__ import annotations

from typing import Any

import pytest

from remora.service import bots
from remora.service.installation import Installation
from tests.cast import DAY, POINT, SECOND, START, Api, ManualClock, Shop, refused

START_TEXT = "2027-01-15T08:00:00Z"


def test_a_grant_answers_its_entry_and_what_is_available(api: Api, shop: Shop) -> None:
    client_id = shop.client(10)
    answer = api.ledger(
        shop, "grant", "k1", clientId=client_id, points=50, reason="welcome", metadata={"order": [1, {"a": None}]}
    )
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "message": "Grant client points successfully",
        "entry": {
            "entryId": f"{client_id}-2",
            "kind": "grant",
            "points": 50,
            "available": 60,
            "at": START_TEXT,
            "lots": [{"lotId": f"{client_id}-2", "points": 50}],
            "reason": "welcome",
            "metadata": {"order": [1, {"a": None}]},
        },
        "available": 60,
    }


def test_a_client_may_be_named_by_its_platforms_id(api: Api, shop: Shop) -> None:
    client_id = shop.client()
    answer = api.ledger(shop, "grant", "k1", platform="line", platformClientId="U1", points=5)
    assert answer.json()["entry"]["entryId"] == f"{client_id}-1"


def test_a_grant_may_make_its_client(api: Api, shop: Shop) -> None:
    body: dict[str, Any] = {"platform": "whatsapp", "platformClientId": "886", "points": 5}
    assert refused(api.ledger(shop, "grant", "k1", **body)) == (404, 37011)
    first = api.ledger(shop, "grant", "k2", **body, createClient=True).json()
    second = api.ledger(shop, "grant", "k3", **body, createClient=True).json()
    assert (first["available"], second["available"]) == (5, 10)
    answer = api.look_up(shop, platform="whatsapp", platformClientIds=["886"])
    assert answer.json()["points"][0]["points"] == 10


def test_a_refused_grant_makes_no_client(api: Api, shop: Shop) -> None:
    answer = api.ledger(
        shop, "grant", "k1", platform="line", platformClientId="new", points=5, createClient=True, expiresAt=START_TEXT
    )
    assert refused(answer) == (400, 110000)
    assert refused(api.look_up(shop, platform="line", platformClientIds=["new"])) == (404, 37011)


def test_a_made_client_gets_the_next_free_encoded_id(api: Api, shop: Shop) -> None:
    first = shop.client(platform_client_id="a")
    body: dict[str, Any] = {"platform": "line", "platformClientId": "b", "points": 1, "createClient": True}
    dry = api.ledger(shop, "grant", "k0", **body, dryRun=True).json()["entry"]["entryId"]
    made = api.ledger(shop, "grant", "k1", **body).json()["entry"]["entryId"].rpartition("-")[0]
    assert dry == f"{made}-1"
    assert shop.client(platform_client_id="c") not in (first, made)


def test_a_spend_uses_the_lots_that_expire_first(api: Api, shop: Shop) -> None:
    client_id = shop.client(100)
    shop.grant(client_id, 20, START + 2 * DAY)
    shop.grant(client_id, 10, START + DAY)
    answer = api.ledger(shop, "spend", "k1", clientId=client_id, points=35).json()
    assert answer["entry"]["points"] == -35
    assert answer["available"] == 95
    assert answer["entry"]["lots"] == [
        {"lotId": f"{client_id}-1", "points": -5},
        {"lotId": f"{client_id}-2", "points": -20},
        {"lotId": f"{client_id}-3", "points": -10},
    ]


def test_too_large_a_spend_is_refused_and_says_how_many_there_are(api: Api, shop: Shop) -> None:
    client_id = shop.client(5)
    answer = api.ledger(shop, "spend", "k1", clientId=client_id, points=6)
    assert answer.status_code == 409
    assert answer.json()["errResponse"] == {
        "message": "the client has 5 points",
        "code": 900006,
        "botId": shop.bot_id,
        "available": 5,
    }
    assert api.points_of(shop, client_id) == 5


def test_a_hold_reserves_until_it_is_captured(api: Api, shop: Shop) -> None:
    client_id = shop.client(50)
    held = api.ledger(shop, "hold", "k1", clientId=client_id, points=30, timeoutSeconds=60).json()
    assert held == {
        "success": True,
        "message": "Hold client points successfully",
        "holdId": f"{client_id}-2",
        "expiresAt": "2027-01-15T08:01:00Z",
        "available": 20,
    }
    assert api.points_of(shop, client_id) == 20
    captured = api.ledger(shop, "capture", "k2", clientId=client_id, holdId=held["holdId"], points=10).json()
    assert captured["entry"]["kind"] == "capture"
    assert captured["entry"]["refersTo"] == held["holdId"]
    assert captured["available"] == 40
    again = api.ledger(shop, "capture", "k3", clientId=client_id, holdId=held["holdId"])
    assert refused(again) == (409, 900008)


def test_a_hold_times_out_by_itself_to_the_microsecond(api: Api, shop: Shop, clock: ManualClock) -> None:
    client_id = shop.client(50)
    held = api.ledger(shop, "hold", "k1", clientId=client_id, points=30, timeoutSeconds=60).json()
    clock.time = START + 60 * SECOND - 1
    assert api.points_of(shop, client_id) == 20
    clock.time = START + 60 * SECOND
    assert api.points_of(shop, client_id) == 50
    assert refused(api.ledger(shop, "capture", "k2", clientId=client_id, holdId=held["holdId"])) == (409, 900008)


def test_a_release_gives_back(api: Api, shop: Shop) -> None:
    client_id = shop.client(50)
    held = api.ledger(shop, "hold", "k1", clientId=client_id, points=30).json()
    released = api.ledger(shop, "release", "k2", clientId=client_id, holdId=held["holdId"]).json()
    assert (released["entry"]["kind"], released["entry"]["points"], released["available"]) == ("release", 30, 50)


def test_a_reversal_says_what_it_could_not_take_back(api: Api, shop: Shop) -> None:
    client_id = shop.client(50)
    api.ledger(shop, "spend", "k1", clientId=client_id, points=20)
    body: dict[str, Any] = {"clientId": client_id, "entryId": f"{client_id}-1"}
    refusal = api.ledger(shop, "reverse", "k2", **body)
    assert refusal.status_code == 409
    detail = refusal.json()["errResponse"]
    assert (detail["code"], detail["available"], detail["shortfall"]) == (900012, 30, 20)
    taken = api.ledger(shop, "reverse", "k3", **body, shortfall="takeAvailable").json()
    assert (taken["entry"]["points"], taken["available"], taken["shortfall"]) == (-30, 0, 20)
    back = api.ledger(shop, "reverse", "k4", clientId=client_id, entryId=f"{client_id}-2", points=5).json()
    assert (back["entry"]["points"], back["shortfall"]) == (5, 0)


@pytest.mark.parametrize("entry_id", ["nonsense", "-", "other-1", "{}-0", "{}-99", "{}-" + "9" * 40, "{}-\u0661"])
def test_an_entry_or_hold_that_is_none_of_the_clients_is_404(api: Api, shop: Shop, entry_id: str) -> None:
    client_id = shop.client(5)
    named = entry_id.format(client_id)
    assert refused(api.ledger(shop, "reverse", "k1", clientId=client_id, entryId=named)) == (404, 900009)
    assert refused(api.ledger(shop, "capture", "k2", clientId=client_id, holdId=named)) == (404, 900007)
    assert refused(api.ledger(shop, "release", "k3", clientId=client_id, holdId=named)) == (404, 900007)


def test_an_id_that_names_another_client_is_404_however_the_client_is_named(api: Api, shop: Shop) -> None:
    mine, theirs = shop.client(5), shop.client(5, platform_client_id="U2")
    for key, who in (("a", {"clientId": mine}), ("b", {"platform": "line", "platformClientId": "U1"})):
        assert refused(api.ledger(shop, "reverse", key, **who, entryId=f"{theirs}-1")) == (404, 900009)


def test_one_bots_entry_cannot_be_reversed_by_another(api: Api, shop: Shop, rival: Shop) -> None:
    client_id = shop.client(5)
    rival.client(client_id=client_id)
    answer = api.ledger(rival, "reverse", "k1", clientId=client_id, entryId=f"{client_id}-1")
    assert refused(answer) == (404, 900009)


@pytest.mark.parametrize(
    ("what", "fields", "named"),
    [
        ("grant", {"points": 0}, "points"),
        ("grant", {"points": 2**53}, "points"),
        ("grant", {"points": 1.5}, "points"),
        ("grant", {"points": "5"}, "points"),
        ("grant", {}, "points"),
        ("grant", {"points": 1, "expiresAt": "2030-01-01T00:00:00"}, "expiresAt"),
        ("grant", {"points": 1, "expiresAt": START_TEXT}, "expiresAt"),
        ("grant", {"points": 1, "activeFrom": "soon"}, "activeFrom"),
        ("grant", {"points": 1, "activeFrom": "9999-01-01T00:00:00Z"}, "activeFrom"),
        ("grant", {"points": 1, "reason": ""}, "reason"),
        ("grant", {"points": 1, "reason": "a\nb"}, "reason"),
        ("grant", {"points": 1, "reason": "x" * 501}, "reason"),
        ("grant", {"points": 1, "metadata": []}, "metadata"),
        ("grant", {"points": 1, "metadata": {"a": "x" * 4096}}, "metadata"),
        ("grant", {"points": 1, "createClient": True}, "createClient"),
        ("spend", {"points": 1, "platform": "line", "platformClientId": "U1"}, "clientId"),
        ("spend", {"points": 1, "platform": "line"}, "platformClientId"),
        ("hold", {"points": 1, "timeoutSeconds": 0}, "timeoutSeconds"),
        ("hold", {"points": 1, "timeoutSeconds": 30 * 86400 + 1}, "timeoutSeconds"),
        ("capture", {}, "holdId"),
        ("reverse", {}, "entryId"),
        ("reverse", {"entryId": "a-1", "shortfall": "ignore"}, "shortfall"),
    ],
)
def test_a_wrong_field_is_400_and_named(api: Api, shop: Shop, what: str, fields: dict[str, Any], named: str) -> None:
    client_id = shop.client(5)
    answer = api.ledger(shop, what, "k1", clientId=client_id, **fields)
    assert refused(answer) == (400, 110000)
    assert named in answer.json()["errResponse"]["message"]
    assert api.points_of(shop, client_id) == 5


@pytest.mark.parametrize("number", ["1e400", "9" * 30, "-" + "9" * 5000, "0.1", "1e-400"])
def test_any_number_in_metadata_is_kept_or_refused(api: Api, shop: Shop, number: str) -> None:
    body = f'{{"secret": "{shop.secret}", "clientId": "{shop.client()}", "points": 1, "metadata": {{"n": {number}}}}}'
    answer = api.post(f"{POINT}/grant", shop, body.encode(), headers={"idempotency-key": "k1"})
    assert answer.status_code == 200 or refused(answer) == (400, 110000)


def test_metadata_nested_too_deeply_is_refused(api: Api, shop: Shop) -> None:
    body = f'{{"secret": "{shop.secret}", "clientId": "{shop.client()}", "points": 1, "metadata": {{"n": '
    for levels, status in ((31, 200), (32, 400), (900, 400), (2000, 400)):
        deep = body.encode() + b"[" * levels + b"]" * levels + b"}}"
        answer = api.post(f"{POINT}/grant", shop, deep, headers={"idempotency-key": f"k{levels}"})
        assert answer.status_code == status


def test_the_bots_policy_dates_a_grant_without_a_date(api: Api, shop: Shop, installation: Installation) -> None:
    bots.update(installation, shop.bot_id, expiry_policy="months:1:month", time_zone="Asia/Taipei")
    client_id = shop.client()
    api.ledger(shop, "grant", "k0", clientId=client_id, points=5)
    api.ledger(shop, "grant", "k1", clientId=client_id, points=5, expiresAt="2027-01-16T00:00:00+08:00")
    lots = api.ledger(shop, "explain", clientId=client_id).json()["lots"]
    assert [lot["expiresAt"] for lot in lots] == ["2027-02-28T16:00:00Z", "2027-01-15T16:00:00Z"]
