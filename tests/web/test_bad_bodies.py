"""A body that is missing something, mistyped or out of bounds: 400 with 110000, and the field is named."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cast import POINT, Api, Shop, refused


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, "clientIds"),
        ({"clientIds": []}, "clientIds"),
        ({"clientIds": [], "platform": "line", "platformClientIds": []}, "clientIds"),
        ({"platform": "line"}, "platformClientIds"),
        ({"platform": "line", "clientIds": ["a"]}, "platformClientIds"),
        ({"platformClientIds": ["a"]}, "platform"),
        ({"clientIds": ["a"], "platformClientIds": []}, "platform"),
        ({"clientIds": ["a"] * 101}, "clientIds"),
        ({"platform": "line", "platformClientIds": ["a"] * 101}, "platformClientIds"),
        ({"platform": "telegram", "platformClientIds": ["a"]}, "platform"),
        ({"platform": "LINE", "platformClientIds": ["a"]}, "platform"),
        ({"platform": 1, "platformClientIds": ["a"]}, "platform"),
        ({"clientIds": "a"}, "clientIds"),
        ({"clientIds": None}, "clientIds"),
        ({"clientIds": ["a", 1]}, "clientIds[1]"),
        ({"clientIds": ["a", None]}, "clientIds[1]"),
        ({"clientIds": [""]}, "clientIds[0]"),
        ({"clientIds": ["a" * 10_000]}, "clientIds[0]"),
        ({"clientIds": ["a", "b\0c"]}, "clientIds[1]"),
        ({"platform": "line", "platformClientIds": ["\0"]}, "platformClientIds[0]"),
        ({"clientIds": ["a"], "includeNotFound": "yes"}, "includeNotFound"),
        ({"clientIds": ["a"], "includeNotFound": 1}, "includeNotFound"),
    ],
)
def test_a_wrong_field_is_400_and_named(api: Api, shop: Shop, fields: dict[str, Any], named: str) -> None:
    answer = api.look_up(shop, **fields)
    assert refused(answer) == (400, 110000)
    assert named in answer.json()["errResponse"]["message"]


@pytest.mark.parametrize(
    ("fields", "bound"),
    [
        ({"clientIds": ["a"] * 101}, "100"),
        ({"clientIds": ["a" * 257]}, "256"),
        ({"platform": "telegram", "platformClientIds": ["a"]}, "liveChat"),
        ({}, "1 to 100"),
    ],
)
def test_the_message_names_the_bound(api: Api, shop: Shop, fields: dict[str, Any], bound: str) -> None:
    assert bound in api.look_up(shop, **fields).json()["errResponse"]["message"]


@pytest.mark.parametrize("body", [{"clientIds": ["a"]}, {"secret": None, "clientIds": ["a"]}, {"secret": 7}])
def test_a_missing_or_mistyped_secret_is_400_and_named(api: Api, shop: Shop, body: dict[str, Any]) -> None:
    answer = api.post(POINT, shop, body)
    assert refused(answer) == (400, 110000)
    assert "secret" in answer.json()["errResponse"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"1e400",
        b"{",
        b'{"secret": ',
        b'{"secret": "a"} trailing',
        b'{"secret": NaN}',
        b'{"secret": "\xff"}',
        b'{"\xff": 1, "secret": "a", "clientIds": ["a"]}',
        b'{"secret": "\xed\xa0\x80"}',
        b'{"secret": "\\ud800"}',
        b'{"secret": "a\x00b"}',
        b"\x00",
        b"\xef\xbb\xbf{}",
        b'{"secret": 1e400}',
        b'{"secret": "a", "clientIds": 1e400}',
        b'{"secret": "a", "includeNotFound": -1e400}',
        b'{"secret": "a", "deep": ' + b"[" * 60_000,
        b'{"secret": "a", "deep": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        b'{"secret": "a", "deep": ' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}",
        b'{"secret": "a", "clientIds": [' + b"9" * 60_000 + b"]}",
    ],
)
def test_a_body_that_cannot_be_read_is_400(api: Api, shop: Shop, body: bytes) -> None:
    assert refused(api.post(POINT, shop, body.replace(b'"a"', f'"{shop.secret}"'.encode(), 1))) == (400, 110000)


def test_64_kib_are_taken_and_one_byte_more_is_413(api: Api, shop: Shop) -> None:
    body = b'{"secret": "%s", "clientIds": ["%s"]}' % (shop.secret.encode(), shop.client(1).encode())
    assert api.post(POINT, shop, body.ljust(65536)).status_code == 200
    answer = api.post(POINT, shop, body.ljust(65537))
    assert refused(answer) == (413, 413)
    assert "65536" in answer.json()["errResponse"]["message"]


def test_a_body_of_unknown_length_is_cut_off_at_the_bound(api: Api, shop: Shop) -> None:
    def endless() -> Any:
        for _ in range(17):
            yield b" " * 4096

    answer = api.http.post(POINT, params={"botId": shop.bot_id}, content=endless())
    assert refused(answer) == (413, 413)
    assert answer.headers["connection"] == "close"


def test_a_secret_right_in_a_wrong_body_is_checked_first(api: Api, shop: Shop) -> None:
    assert refused(api.post(POINT, shop, {"secret": "wrong", "clientIds": []})) == (403, 1002)
    assert refused(api.post(POINT, shop, {"secret": shop.secret, "clientIds": []})) == (400, 110000)
