"""`POST /api/openapi/client/point`: each line of the contract that is about a good request."""

from __future__ import annotations

import pytest

from remora.model import Platform
from tests.cast import DAY, SECOND, START, Api, ManualClock, Shop, refused


def test_one_encoded_id_is_answered_with_its_points(api: Api, shop: Shop) -> None:
    client_id = shop.client(120, 5)
    answer = api.look_up(shop, clientIds=[client_id])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "success": True,
        "message": "Get client points successfully",
        "points": [{"clientId": client_id, "platform": "line", "points": 125}],
    }


@pytest.mark.parametrize("platform", list(Platform))
def test_a_platform_id_is_answered_on_every_platform(api: Api, shop: Shop, platform: Platform) -> None:
    shop.client(7, platform=platform, platform_client_id="someone")
    answer = api.look_up(shop, platform=platform, platformClientIds=["someone"])
    assert answer.json()["points"] == [{"platformClientId": "someone", "platform": platform, "points": 7}]


def test_the_same_id_on_another_platform_is_another_client(api: Api, shop: Shop) -> None:
    shop.client(7, platform=Platform.LINE, platform_client_id="someone")
    shop.client(9, platform=Platform.WHATSAPP, platform_client_id="someone")
    answer = api.look_up(shop, platform="whatsapp", platformClientIds=["someone"])
    assert [row["points"] for row in answer.json()["points"]] == [9]


def test_a_row_carries_the_id_form_it_was_asked_by_and_never_both(api: Api, shop: Shop) -> None:
    client_id = shop.client(3, platform_client_id="U1")
    rows = api.look_up(shop, clientIds=[client_id], platform="line", platformClientIds=["U1"]).json()["points"]
    assert [set(row) for row in rows] == [
        {"platform", "points", "clientId"},
        {"platform", "points", "platformClientId"},
    ]


def test_rows_come_in_the_order_asked_with_client_ids_first(api: Api, shop: Shop) -> None:
    ids = [shop.client(n, platform_client_id=f"U{n}") for n in range(1, 6)]
    asked, asked_there = [ids[3], ids[0], ids[4]], ["U5", "U2", "U4"]
    rows = api.look_up(shop, clientIds=asked, platform="line", platformClientIds=asked_there).json()["points"]
    assert [row.get("clientId") or row["platformClientId"] for row in rows] == asked + asked_there


def test_a_repeated_id_gives_one_row_at_its_first_place(api: Api, shop: Shop) -> None:
    one, two = shop.client(1, platform_client_id="U1"), shop.client(2, platform_client_id="U2")
    rows = api.look_up(shop, clientIds=[two, one, two], platform="line", platformClientIds=["U1", "U1"]).json()
    assert [row["points"] for row in rows["points"]] == [2, 1, 1]


def test_100_and_100_ids_are_answered_in_one_call(api: Api, shop: Shop) -> None:
    ids = [shop.client(n, platform_client_id=f"U{n}") for n in range(1, 101)]
    answer = api.look_up(shop, clientIds=ids, platform="line", platformClientIds=[f"U{n}" for n in range(1, 101)])
    assert [row["points"] for row in answer.json()["points"]] == [*range(1, 101), *range(1, 101)]


def test_an_id_that_is_no_clients_is_left_out(api: Api, shop: Shop) -> None:
    client_id = shop.client(4)
    answer = api.look_up(shop, clientIds=["nobody999", client_id])
    assert [row["clientId"] for row in answer.json()["points"]] == [client_id]
    assert "notFound" not in answer.json()


def test_ids_not_found_are_listed_when_asked_for(api: Api, shop: Shop) -> None:
    client_id = shop.client(4)
    answer = api.look_up(
        shop,
        clientIds=["zz", client_id, "aa", "zz"],
        platform="line",
        platformClientIds=["U1", "U404"],
        includeNotFound=True,
    )
    assert answer.json()["notFound"] == {"clientIds": ["zz", "aa"], "platformClientIds": ["U404"]}


def test_not_found_is_there_and_empty_when_every_id_was_found(api: Api, shop: Shop) -> None:
    answer = api.look_up(shop, clientIds=[shop.client(4)], includeNotFound=True)
    assert answer.json()["notFound"] == {"clientIds": [], "platformClientIds": []}


@pytest.mark.parametrize("include", [True, False])
def test_no_id_found_at_all_is_404_with_37011(api: Api, shop: Shop, *, include: bool) -> None:
    assert refused(api.look_up(shop, clientIds=["nobody999"], includeNotFound=include)) == (404, 37011)


def test_a_client_with_no_points_is_a_row_with_0(api: Api, shop: Shop) -> None:
    assert api.look_up(shop, clientIds=[shop.client()]).json()["points"][0]["points"] == 0


def test_an_empty_list_beside_a_full_one_is_fine(api: Api, shop: Shop) -> None:
    client_id = shop.client(1)
    assert api.look_up(shop, clientIds=[client_id], platform="line", platformClientIds=[]).status_code == 200
    assert api.look_up(shop, clientIds=[], platform="line", platformClientIds=["U1"]).status_code == 200


def test_unknown_body_fields_are_ignored(api: Api, shop: Shop) -> None:
    assert api.look_up(shop, clientIds=[shop.client(1)], colour="blue", nested={"a": [1e300]}).status_code == 200


def test_the_largest_balance_is_answered_exactly(api: Api, shop: Shop) -> None:
    answer = api.look_up(shop, clientIds=[shop.client(2**53 - 1)])
    assert answer.json()["points"][0]["points"] == 9007199254740991


def test_ids_are_compared_exactly(api: Api, shop: Shop) -> None:
    shop.client(1, client_id="AbCdEfGhI")
    assert refused(api.look_up(shop, clientIds=["abcdefghi", "AbCdEfGhI "])) == (404, 37011)


def test_a_lot_is_gone_at_the_microsecond_at_which_it_expires(api: Api, shop: Shop, clock: ManualClock) -> None:
    client_id = shop.client(100)
    shop.grant(client_id, 20, expires_at=START + DAY)
    clock.time = START + DAY - 1
    assert api.look_up(shop, clientIds=[client_id]).json()["points"][0]["points"] == 120
    clock.time = START + DAY
    assert api.look_up(shop, clientIds=[client_id]).json()["points"][0]["points"] == 100


def test_every_way_to_ask_sees_the_same_overdue_balance(api: Api, shop: Shop, clock: ManualClock) -> None:
    client_id = shop.client(1)
    shop.grant(client_id, 10, expires_at=START + SECOND)
    shop.grant(client_id, 100, expires_at=START + 2 * SECOND)
    clock.time = START + SECOND
    rows = api.look_up(shop, clientIds=[client_id], platform="line", platformClientIds=["U1"]).json()["points"]
    assert [row["points"] for row in rows] == [101, 101]
