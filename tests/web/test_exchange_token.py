"""`POST /api/openapi/token`: a pair for a pair."""

from __future__ import annotations

import threading

import httpx
import pytest

from remora.service import bots, pairs
from remora.service.installation import Installation
from tests.backdoor import BackDoor
from tests.cast import DAY, SECOND, START, Api, ManualClock, Shop, open_shop, refused

MINUTE = 60 * SECOND


def renewed(shop: Shop, answer: httpx.Response) -> Shop:
    """The shop with the pair that an exchange answered."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return Shop(shop.installation, shop.bot_id, body["apiToken"], body["apiSecret"])


def test_a_pair_is_exchanged_for_a_new_one_that_works(api: Api, shop: Shop) -> None:
    client_id = shop.client(5)
    answer = api.exchange(shop)
    assert set(answer.json()) == {"success", "message", "apiToken", "apiSecret"}
    assert answer.json()["success"] is True
    new = renewed(shop, answer)
    assert new.token != shop.token
    assert new.secret != shop.secret
    assert api.look_up(new, clientIds=[client_id]).status_code == 200


def test_the_old_pair_is_refused_with_120000_at_once(api: Api, shop: Shop) -> None:
    client_id = shop.client(5)
    api.exchange(shop)
    assert refused(api.look_up(shop, clientIds=[client_id])) == (404, 120000)
    assert refused(api.exchange(shop)) == (404, 120000)


def test_an_expired_token_can_still_be_exchanged(api: Api, shop: Shop, clock: ManualClock) -> None:
    client_id = shop.client(5)
    clock.time = START + 400 * DAY
    assert refused(api.look_up(shop, clientIds=[client_id])) == (401, 1004)
    new = renewed(shop, api.exchange(shop))
    assert api.look_up(new, clientIds=[client_id]).status_code == 200


def test_a_token_lives_30_days_to_the_second(api: Api, shop: Shop, clock: ManualClock) -> None:
    client_id = shop.client(5)
    clock.time = START + 30 * DAY - 1
    assert api.look_up(shop, clientIds=[client_id]).status_code == 200
    clock.time = START + 30 * DAY
    assert refused(api.look_up(shop, clientIds=[client_id])) == (401, 1004)


def test_a_wrong_secret_changes_nothing(api: Api, shop: Shop, rival: Shop) -> None:
    assert refused(api.exchange(shop, secret=rival.secret)) == (403, 1002)
    assert api.look_up(shop, clientIds=[shop.client(5)]).status_code == 200


def test_the_new_secret_does_not_go_with_the_old_token(api: Api, installation: Installation) -> None:
    shop = open_shop(installation, "overlapping", overlap_minutes=5)
    client_id = shop.client(5)
    new = renewed(shop, api.exchange(shop))
    mixed = Shop(installation, shop.bot_id, shop.token, new.secret)
    assert refused(api.look_up(mixed, clientIds=[client_id])) == (403, 1002)


def test_both_pairs_work_during_the_overlap_and_not_after(
    api: Api, installation: Installation, clock: ManualClock
) -> None:
    shop = open_shop(installation, "overlapping", overlap_minutes=5)
    client_id = shop.client(5)
    new = renewed(shop, api.exchange(shop))
    for now, old_status in ((START, 200), (START + 5 * MINUTE - 1, 200), (START + 5 * MINUTE, 404)):
        clock.time = now
        assert api.look_up(new, clientIds=[client_id]).status_code == 200
        assert api.look_up(shop, clientIds=[client_id]).status_code == old_status
    assert refused(api.look_up(shop, clientIds=[client_id])) == (404, 120000)


def test_an_exchange_whose_answer_was_lost_can_be_made_again_during_the_overlap(
    api: Api, installation: Installation, clock: ManualClock
) -> None:
    shop = open_shop(installation, "overlapping", overlap_minutes=5)
    lost, second = renewed(shop, api.exchange(shop)), renewed(shop, api.exchange(shop))
    client_id = shop.client(5)
    clock.time = START + 5 * MINUTE
    assert api.look_up(second, clientIds=[client_id]).status_code == 200
    assert refused(api.look_up(lost, clientIds=[client_id])) == (404, 120000)


def test_exchanging_again_does_not_lengthen_the_life_of_the_oldest_pair(
    api: Api, installation: Installation, clock: ManualClock
) -> None:
    shop = open_shop(installation, "overlapping", overlap_minutes=5)
    client_id = shop.client(5)
    new = renewed(shop, api.exchange(shop))
    clock.time = START + 4 * MINUTE
    api.exchange(new)
    clock.time = START + 5 * MINUTE
    assert refused(api.look_up(shop, clientIds=[client_id])) == (404, 120000)
    assert api.look_up(new, clientIds=[client_id]).status_code == 200


def test_of_two_exchanges_at_once_one_is_refused(api: Api, shop: Shop) -> None:
    answers: list[httpx.Response] = []
    base_url = str(api.http.base_url)

    def exchange() -> None:
        with httpx.Client(base_url=base_url) as client:
            answers.append(Api(client).exchange(shop))

    threads = [threading.Thread(target=exchange) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [won] = [answer for answer in answers if answer.status_code == 200]
    assert {refused(answer) for answer in answers if answer is not won} == {(404, 120000)}
    new = renewed(shop, won)
    assert api.look_up(new, clientIds=[shop.client(1)]).status_code == 200


def test_a_rotation_by_the_operator_is_felt_by_the_very_next_call(
    api: Api, shop: Shop, installation: Installation
) -> None:
    client_id = shop.client(5)
    assert api.look_up(shop, clientIds=[client_id]).status_code == 200
    pairs.rotate(installation, shop.bot_id, None)
    assert refused(api.look_up(shop, clientIds=[client_id])) == (404, 120000)


@pytest.mark.parametrize("overlap_minutes", [0, 2, 9])
def test_a_rotation_may_overlap_by_more_or_less_than_the_bots_own(
    api: Api, installation: Installation, clock: ManualClock, overlap_minutes: int
) -> None:
    shop = open_shop(installation, "overlapping", overlap_minutes=5)
    client_id = shop.client(5)
    pairs.rotate(installation, shop.bot_id, overlap_minutes)
    if overlap_minutes:
        clock.time = START + overlap_minutes * MINUTE - 1
        assert api.look_up(shop, clientIds=[client_id]).status_code == 200
    clock.time = START + overlap_minutes * MINUTE
    assert refused(api.look_up(shop, clientIds=[client_id])) == (404, 120000)


def test_a_bot_whose_api_is_off_cannot_exchange(api: Api, shop: Shop, installation: Installation) -> None:
    bots.update(installation, shop.bot_id, api_enabled=False)
    assert refused(api.exchange(shop)) == (403, 1002)


@pytest.mark.parametrize("body", [{}, {"secret": 1}, {"secret": None}])
def test_an_exchange_without_a_secret_is_400(api: Api, shop: Shop, body: dict[str, object]) -> None:
    assert refused(api.post("/api/openapi/token", shop, body)) == (400, 110000)


def test_no_secret_and_no_token_is_kept_in_the_database(api: Api, back_door: BackDoor, shop: Shop) -> None:
    new = renewed(shop, api.exchange(shop))
    dump = back_door.dump()
    assert shop.bot_id in dump
    for kept_by_the_caller in (shop.token, shop.secret, new.token, new.secret):
        assert kept_by_the_caller not in dump
        assert kept_by_the_caller.encode().hex() not in dump.lower()
