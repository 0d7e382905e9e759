"""History, explain and register over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cast import DAY, SECOND, START, Api, ManualClock, Shop, refused


def test_history_is_newest_first_and_comes_in_pages(api: Api, shop: Shop) -> None:
    client_id = shop.client(*range(1, 6))
    first = api.ledger(shop, "history", clientId=client_id, limit=2).json()
    assert [entry["entryId"] for entry in first["entries"]] == [f"{client_id}-5", f"{client_id}-4"]
    shop.grant(client_id, 100)
    second = api.ledger(shop, "history", clientId=client_id, limit=2, cursor=first["nextCursor"]).json()
    last = api.ledger(shop, "history", clientId=client_id, limit=2, cursor=second["nextCursor"]).json()
    assert [entry["points"] for entry in second["entries"] + last["entries"]] == [3, 2, 1]
    assert "nextCursor" not in last


def test_history_shows_what_came_due_whether_or_not_it_was_settled(api: Api, shop: Shop, clock: ManualClock) -> None:
    client_id = shop.client()
    shop.grant(client_id, 5, START + SECOND)
    clock.time = START + DAY
    [expired, _] = api.ledger(shop, "history", clientId=client_id).json()["entries"]
    assert (expired["kind"], expired["points"], expired["at"]) == ("expire", -5, "2027-01-15T08:00:01Z")


def test_history_can_be_narrowed(api: Api, shop: Shop, clock: ManualClock) -> None:
    client_id = shop.client(10)
    clock.time = START + SECOND
    api.ledger(shop, "spend", "k1", clientId=client_id, points=1)
    clock.time = START + 2 * SECOND
    api.ledger(shop, "spend", "k2", clientId=client_id, points=2)

    def points(**fields: Any) -> list[int]:
        entries = api.ledger(shop, "history", clientId=client_id, **fields).json()["entries"]
        return [entry["points"] for entry in entries]

    assert points(kinds=["spend"]) == [-2, -1]
    assert points(**{"from": "2027-01-15T08:00:01Z"}) == [-2, -1]
    assert points(**{"from": "2027-01-15T08:00:01Z", "to": "2027-01-15T08:00:02Z"}) == [-1]
    assert points(to="2027-01-15T16:00:01+08:00") == [10]


def test_explain_adds_up_now_then_and_later(api: Api, shop: Shop, clock: ManualClock) -> None:
    client_id = shop.client(10)
    shop.grant(client_id, 5, START + 3 * SECOND)
    api.ledger(shop, "grant", "k1", clientId=client_id, points=7, activeFrom="2027-01-15T08:00:02Z")
    api.ledger(shop, "hold", "k2", clientId=client_id, points=6, timeoutSeconds=2)

    def explain(**fields: Any) -> Any:
        answer = api.ledger(shop, "explain", clientId=client_id, **fields).json()
        assert answer["available"] == sum(lot["available"] for lot in answer["lots"])
        assert answer["held"] == sum(lot["held"] for lot in answer["lots"]) == sum(h["points"] for h in answer["holds"])
        return answer

    now = explain()
    assert (now["available"], now["held"]) == (9, 6)
    assert [lot["state"] for lot in now["lots"]] == ["live", "live", "pending"]
    assert now["holds"] == [{"holdId": f"{client_id}-4", "points": 6, "expiresAt": "2027-01-15T08:00:02Z"}]
    assert "nextExpiry" not in now, "what would expire next is held"
    later = explain(at="2027-01-15T08:00:02Z")
    assert (later["available"], later["held"], later["nextExpiry"]) == (
        22,
        0,
        {"at": "2027-01-15T08:00:03Z", "points": 5},
    )
    clock.time = START + 10 * SECOND
    api.ledger(shop, "spend", "k3", clientId=client_id, points=10)
    assert explain()["available"] == 7
    assert explain(at="2027-01-15T08:00:02Z") == later
    assert explain(at="2027-01-15T08:00:00Z") == now
    assert explain(at="2027-01-15T07:59:59Z")["lots"] == []
    assert [lot["state"] for lot in explain()["lots"]] == ["spent", "expired", "live"]


@pytest.mark.parametrize(
    ("what", "fields", "named"),
    [
        ("history", {"limit": 0}, "limit"),
        ("history", {"limit": 101}, "limit"),
        ("history", {"cursor": "x"}, "cursor"),
        ("history", {"cursor": "-1"}, "cursor"),
        ("history", {"cursor": "9" * 19}, "cursor"),
        ("history", {"kinds": []}, "kinds"),
        ("history", {"kinds": ["steal"]}, "kinds"),
        ("history", {"from": "2027-01-15"}, "from"),
        ("history", {"to": 1}, "to"),
        ("explain", {"at": "yesterday"}, "at"),
    ],
)
def test_a_wrong_field_is_400_and_named(api: Api, shop: Shop, what: str, fields: dict[str, Any], named: str) -> None:
    answer = api.ledger(shop, what, clientId=shop.client(), **fields)
    assert refused(answer) == (400, 110000)
    assert named in answer.json()["errResponse"]["message"]


@pytest.mark.parametrize("what", ["history", "explain"])
def test_a_client_of_another_bot_is_404(api: Api, shop: Shop, rival: Shop, what: str) -> None:
    theirs = rival.client(5, client_id="theirs123")
    assert refused(api.ledger(shop, what, clientId=theirs)) == (404, 37011)
    assert refused(api.ledger(shop, what, platform="line", platformClientId="U1")) == (404, 37011)


def test_registering_makes_clients_once(api: Api, shop: Shop) -> None:
    body = {"platform": "line", "platformClientIds": ["b", "a", "b"]}
    first = api.post("/api/openapi/client/register", shop, {"secret": shop.secret, **body}).json()
    again = api.post("/api/openapi/client/register", shop, {"secret": shop.secret, **body}).json()
    assert first == again
    assert [(each["platform"], each["platformClientId"]) for each in first["clients"]] == [("line", "b"), ("line", "a")]
    found = api.look_up(shop, clientIds=[each["clientId"] for each in first["clients"]])
    assert [row["points"] for row in found.json()["points"]] == [0, 0]


@pytest.mark.parametrize(
    "fields",
    [
        {"platform": "line"},
        {"platform": "line", "platformClientIds": []},
        {"platform": "line", "platformClientIds": ["a"] * 101},
        {"platform": "line", "platformClientIds": ["a\nb"]},
        {"platform": "line", "platformClientIds": ["ok", "\0"]},
        {"platform": "sms", "platformClientIds": ["a"]},
    ],
)
def test_a_wrong_registration_is_400_and_makes_none(api: Api, shop: Shop, fields: dict[str, Any]) -> None:
    assert refused(api.post("/api/openapi/client/register", shop, {"secret": shop.secret, **fields})) == (400, 110000)
    assert refused(api.look_up(shop, platform="line", platformClientIds=["ok"])) == (404, 37011)
