"""Idempotency keys and dry runs over HTTP: once for real, however often it is sent."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import pytest

from tests.backdoor import BackDoor
from tests.cast import DAY, Api, ManualClock, Shop, refused


def test_the_same_key_and_body_get_the_first_answer_again(api: Api, shop: Shop, clock: ManualClock) -> None:
    client_id = shop.client(10)
    first = api.ledger(shop, "spend", "k1", clientId=client_id, points=6)
    clock.time += DAY
    again = api.ledger(shop, "spend", "k1", points=6, clientId=client_id)
    assert again.json() == first.json()
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert api.points_of(shop, client_id) == 4


def test_every_call_is_answered_again_to_the_byte(api: Api, shop: Shop, clock: ManualClock) -> None:
    client_id = shop.client(100)
    asked: list[tuple[str, dict[str, Any]]] = [
        ("grant", {"points": 5, "metadata": {"b": [1, 2.5, "茶"], "a": None}, "reason": "welcome"}),
        ("spend", {"points": 30}),
        ("reverse", {"entryId": f"{client_id}-3", "points": 10}),
        ("hold", {"points": 20}),
        ("capture", {"holdId": f"{client_id}-5", "points": 15}),
        ("hold", {"points": 5}),
        ("release", {"holdId": f"{client_id}-8"}),
        ("reverse", {"entryId": f"{client_id}-1", "shortfall": "takeAvailable"}),
        ("spend", {"points": 1_000}),
    ]

    def answers() -> list[httpx.Response]:
        return [
            api.ledger(shop, what, f"k{nth}", clientId=client_id, **fields) for nth, (what, fields) in enumerate(asked)
        ]

    first = answers()
    assert [answer.status_code for answer in first] == [200] * 8 + [409]
    shop.grant(client_id, 1_000)
    clock.time += DAY
    again = answers()
    assert [(each.status_code, each.content) for each in again] == [(each.status_code, each.content) for each in first]
    assert {each.headers["idempotent-replayed"] for each in again} == {"true"}


def test_an_entry_that_is_gone_is_a_fault_for_nobody_but_who_asks_for_it_again(
    api: Api, shop: Shop, back_door: BackDoor
) -> None:
    client_id = shop.client(10)
    api.ledger(shop, "spend", "k1", clientId=client_id, points=6)
    back_door.run("DELETE FROM entries WHERE seq = 2")
    assert api.ledger(shop, "spend", "k1", clientId=client_id, points=6).status_code == 500
    assert api.ledger(shop, "grant", "k2", clientId=client_id, points=6).status_code == 200


def test_a_refusal_is_replayed_too(api: Api, shop: Shop) -> None:
    client_id = shop.client(5)
    first = api.ledger(shop, "spend", "k1", clientId=client_id, points=6)
    shop.grant(client_id, 100)
    again = api.ledger(shop, "spend", "k1", clientId=client_id, points=6)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["idempotent-replayed"] == "true"


def test_the_same_key_with_another_body_is_409(api: Api, shop: Shop) -> None:
    client_id = shop.client(10)
    api.ledger(shop, "spend", "k1", clientId=client_id, points=6)
    assert refused(api.ledger(shop, "spend", "k1", clientId=client_id, points=1)) == (409, 900003)
    assert refused(api.ledger(shop, "hold", "k1", clientId=client_id, points=1)) == (409, 900003)
    assert api.points_of(shop, client_id) == 4


@pytest.mark.parametrize("key", [None, "", "a" * 129, "has space"])
def test_a_write_without_a_good_key_is_400(api: Api, shop: Shop, key: str | None) -> None:
    answer = api.ledger(shop, "grant", key, clientId=shop.client(), points=1)
    assert refused(answer) == (400, 110000)
    assert "key" in answer.json()["errResponse"]["message"].lower()


def test_of_many_at_once_with_one_key_one_decides_and_all_get_its_answer(api: Api, shop: Shop) -> None:
    client_id = shop.client(10)
    base_url, answers = str(api.http.base_url), []

    def spend() -> None:
        with httpx.Client(base_url=base_url) as http:
            answers.append(Api(http).ledger(shop, "spend", "k1", clientId=client_id, points=3))

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert api.points_of(shop, client_id) == 7


@pytest.mark.parametrize(
    ("what", "fields"),
    [("grant", {"points": 5}), ("spend", {"points": 5}), ("hold", {"points": 5}), ("reverse", {"entryId": "{}-1"})],
)
def test_a_dry_run_decides_for_real_and_changes_nothing(
    api: Api, shop: Shop, what: str, fields: dict[str, Any]
) -> None:
    client_id = shop.client(10)
    filled = {name: value.format(client_id) if isinstance(value, str) else value for name, value in fields.items()}
    dry = api.ledger(shop, what, "k1", clientId=client_id, **filled, dryRun=True).json()
    assert api.points_of(shop, client_id) == 10
    real = api.ledger(shop, what, "k1", clientId=client_id, **filled).json()
    assert dry.pop("message") == "Dry run: nothing was changed"
    real.pop("message")
    assert dry == real


def test_a_dry_run_is_refused_like_the_real_one(api: Api, shop: Shop) -> None:
    client_id = shop.client(10)
    answer = api.ledger(shop, "spend", "k1", clientId=client_id, points=11, dryRun=True)
    assert refused(answer) == (409, 900006)
