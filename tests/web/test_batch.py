"""Batches over HTTP: independent and atomic, with a result for each operation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cast import POINT, Api, Shop, refused


def grant(client_id: str, points: int, key: str, **fields: Any) -> dict[str, Any]:
    return {"kind": "grant", "clientId": client_id, "points": points, "key": key, **fields}


def spend(client_id: str, points: int, key: str) -> dict[str, Any]:
    return {"kind": "spend", "clientId": client_id, "points": points, "key": key}


def test_each_operation_has_its_result_in_order(api: Api, shop: Shop) -> None:
    one, two = shop.client(10, platform_client_id="a"), shop.client(platform_client_id="b")
    answer = api.ledger(
        shop, "batch", operations=[grant(two, 5, "k1"), spend(one, 11, "k2"), spend(one, 4, "k3"), grant(one, 1, "k4")]
    )
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [(each["index"], each["outcome"], each.get("code")) for each in results] == [
        (0, "done", None),
        (1, "refused", 900006),
        (2, "done", None),
        (3, "done", None),
    ]
    assert results[1]["available"] == 10
    assert results[2]["entry"]["points"] == -4
    assert [api.points_of(shop, each) for each in (one, two)] == [7, 5]


def test_a_wrong_operation_leaves_its_neighbours_untouched(api: Api, shop: Shop) -> None:
    client_id = shop.client()
    wrong: list[Any] = [
        None,
        7,
        {},
        {"kind": "steal"},
        grant(client_id, 0, "x"),
        grant(client_id, 1, ""),
        {"kind": "grant", "clientId": client_id, "points": 1},
        grant(client_id, 1, "x", expiresAt="tomorrow"),
        grant(client_id, 1, "has space"),
    ]
    results = api.ledger(shop, "batch", operations=[grant(client_id, 1, "a"), *wrong, grant(client_id, 2, "b")]).json()
    outcomes = [(each["outcome"], each.get("code")) for each in results["results"]]
    assert outcomes == [("done", None), *[("refused", 110000)] * len(wrong), ("done", None)]
    assert all(
        each["message"].startswith(f"operations[{each['index']}]")
        for each in results["results"]
        if each["outcome"] == "refused"
    )
    assert api.points_of(shop, client_id) == 3


def test_an_atomic_batch_is_done_whole(api: Api, shop: Shop) -> None:
    one, two = shop.client(10, platform_client_id="a"), shop.client(platform_client_id="b")
    answer = api.ledger(shop, "batch", operations=[spend(one, 10, "k1"), grant(two, 10, "k2")], mode="atomic")
    assert [each["outcome"] for each in answer.json()["results"]] == ["done", "done"]
    assert [api.points_of(shop, each) for each in (one, two)] == [0, 10]


def test_an_atomic_batch_with_a_refused_operation_does_and_keeps_nothing(api: Api, shop: Shop) -> None:
    one, two = shop.client(10, platform_client_id="a"), shop.client(platform_client_id="b")
    body: dict[str, Any] = {"operations": [grant(two, 10, "k1"), spend(one, 11, "k2")], "mode": "atomic"}
    answer = api.ledger(shop, "batch", **body)
    assert refused(answer) == (409, 900013)
    message = answer.json()["errResponse"]["message"]
    assert "operations[1]" in message
    assert "900006" in message
    assert [api.points_of(shop, each) for each in (one, two)] == [10, 0]
    shop.grant(one, 1)
    assert api.ledger(shop, "batch", **body).status_code == 200


def test_an_atomic_batch_with_a_wrong_operation_is_400(api: Api, shop: Shop) -> None:
    client_id = shop.client()
    answer = api.ledger(shop, "batch", operations=[grant(client_id, 1, "a"), grant(client_id, 0, "b")], mode="atomic")
    assert refused(answer) == (400, 110000)
    assert "operations[1]" in answer.json()["errResponse"]["message"]
    assert api.points_of(shop, client_id) == 0


def test_a_batch_again_changes_nothing(api: Api, shop: Shop) -> None:
    client_id = shop.client()
    body: dict[str, Any] = {"operations": [grant(client_id, 5, "k1"), spend(client_id, 9, "k2")]}
    first = api.ledger(shop, "batch", **body).json()["results"]
    again = api.ledger(shop, "batch", **body).json()["results"]
    assert [each.pop("replayed") for each in again] == [True, True]
    assert again == first
    assert api.points_of(shop, client_id) == 5


def test_a_key_twice_in_one_batch_is_carried_out_once(api: Api, shop: Shop) -> None:
    client_id = shop.client()
    results = api.ledger(
        shop, "batch", operations=[grant(client_id, 5, "k"), grant(client_id, 5, "k"), grant(client_id, 6, "k")]
    ).json()["results"]
    assert [each["outcome"] for each in results] == ["done", "done", "refused"]
    assert results[1]["replayed"] is True
    assert results[2]["code"] == 900003
    assert api.points_of(shop, client_id) == 5


def test_a_key_of_a_batch_is_the_same_as_a_single_calls(api: Api, shop: Shop) -> None:
    client_id = shop.client()
    api.ledger(shop, "grant", "k1", clientId=client_id, points=5)
    [result] = api.ledger(shop, "batch", operations=[grant(client_id, 5, "k1")]).json()["results"]
    assert result["replayed"] is True
    assert api.points_of(shop, client_id) == 5


def test_an_entry_cannot_be_reversed_twice_in_one_batch(api: Api, shop: Shop) -> None:
    client_id = shop.client(10)
    api.ledger(shop, "spend", "s", clientId=client_id, points=6)
    undo = [
        {"kind": "reverse", "clientId": client_id, "entryId": f"{client_id}-2", "points": 4, "key": f"k{number}"}
        for number in range(2)
    ]
    results = api.ledger(shop, "batch", operations=undo).json()["results"]
    assert [each.get("code") for each in results] == [None, 900011]
    assert results[1]["available"] == 2
    assert api.points_of(shop, client_id) == 8


def test_a_batch_can_hold_and_make_clients(api: Api, shop: Shop) -> None:
    new = {"platform": "line", "platformClientId": "new"}
    results = api.ledger(
        shop,
        "batch",
        operations=[
            {"kind": "grant", **new, "points": 9, "key": "k1", "createClient": True},
            {"kind": "hold", **new, "points": 4, "key": "k2", "timeoutSeconds": 60},
        ],
    ).json()["results"]
    assert results[1]["holdId"].endswith("-2")
    assert results[1]["expiresAt"] == "2027-01-15T08:01:00Z"
    assert results[1]["available"] == 5


def test_a_dry_batch_decides_as_the_real_one_would_and_changes_nothing(api: Api, shop: Shop) -> None:
    client_id = shop.client(5)
    results = api.ledger(
        shop, "batch", operations=[spend(client_id, 5, "k1"), spend(client_id, 5, "k2")], dryRun=True
    ).json()["results"]
    assert [each["outcome"] for each in results] == ["done", "refused"]
    assert api.points_of(shop, client_id) == 5
    assert api.ledger(shop, "batch", operations=[spend(client_id, 5, "k2")]).json()["results"][0]["outcome"] == "done"


def test_1000_operations_are_taken_and_1001_are_not(api: Api, shop: Shop) -> None:
    client_id = shop.client()
    operations = [grant(client_id, 1, f"k{number}") for number in range(1001)]
    assert refused(api.ledger(shop, "batch", operations=operations)) == (400, 110000)
    assert len(api.ledger(shop, "batch", operations=operations[:1000]).json()["results"]) == 1000
    assert api.points_of(shop, client_id) == 1000


def test_1_mib_is_taken_and_one_byte_more_is_not(api: Api, shop: Shop) -> None:
    body = b'{"secret": "%s", "operations": [{}]}' % shop.secret.encode()
    assert api.post(f"{POINT}/batch", shop, body.ljust(1024 * 1024)).status_code == 200
    assert refused(api.post(f"{POINT}/batch", shop, body.ljust(1024 * 1024 + 1))) == (413, 413)


@pytest.mark.parametrize("fields", [{}, {"operations": []}, {"operations": {}}, {"operations": [{}], "mode": "loose"}])
def test_a_wrong_batch_is_400(api: Api, shop: Shop, fields: dict[str, Any]) -> None:
    assert refused(api.ledger(shop, "batch", **fields)) == (400, 110000)
