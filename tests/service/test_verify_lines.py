"""Verifying an exported journal, without the database it came from."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from remora.ledger.commands import Grant
from remora.service import verify
from remora.service.export import export
from tests.cast import START, ManualClock, Shop, open_shop
from tests.wallet import Wallet, eventful


@pytest.fixture
def wallet(shop: Shop, clock: ManualClock) -> Wallet:
    return eventful(shop, clock)


def lines_of(wallet: Wallet) -> list[bytes]:
    return list(export(wallet.shop.installation, wallet.shop.bot_id))


def test_an_exported_journal_verifies_without_the_database(wallet: Wallet) -> None:
    lines = lines_of(wallet)
    assert len(lines) > 12
    assert list(verify.verify_lines(lines)) == []
    assert list(verify.verify_lines([])) == []


CHANGES: dict[str, Any] = {
    "botId": "another",
    "clientId": "another",
    "seq": 99,
    "kind": "gift",
    "points": 5,
    "available": 9_999,
    "at": START - 1,
    "recordedAt": START - 1,
    "lots": [[1, 3]],
    "reason": "because",
    "metadata": {"order": "A-2"},
    "refersTo": 7,
    "activeFrom": 1,
    "expiresAt": 1,
    "operator": "mallory",
    "hash": "00" * 32,
}


@pytest.mark.parametrize("field", CHANGES)
def test_a_line_that_was_changed_is_told_by_its_number(wallet: Wallet, field: str) -> None:
    lines = lines_of(wallet)
    assert set(json.loads(lines[1])) == set(CHANGES)
    for number in range(1, len(lines) + 1):
        changed = json.dumps(json.loads(lines[number - 1]) | {field: CHANGES[field]}).encode()
        found = list(verify.verify_lines([*lines[: number - 1], changed, *lines[number:]]))
        assert found
        assert found[0].startswith(f"line {number}:")


def swap(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[2], lines[1], *lines[3:]]


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[1:],
        lambda lines: [*lines[:1], *lines[2:]],
        lambda lines: [*lines[:2], *lines[1:]],
        swap,
        lambda lines: lines[::-1],
    ],
    ids=["the first removed", "one removed", "one repeated", "two swapped", "reversed"],
)
def test_lines_that_were_removed_repeated_or_moved_are_told(
    wallet: Wallet, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    # One client's lines: of another's, the only one that is removed could be its last, which nothing can tell.
    lines = [line for line in lines_of(wallet) if json.loads(line)["clientId"] == wallet.client_id]
    assert len(lines) > 3
    assert list(verify.verify_lines(change(lines)))


@pytest.mark.parametrize(
    "broken", [b"", b"\n", b"{", b"[]", b"null", b'{"botId": 1}', b"\xff\xfe", b'{"seq": 1e999}', b"{}" + b"{}"]
)
def test_a_line_that_is_no_entry_is_told_by_its_number(wallet: Wallet, broken: bytes) -> None:
    lines = lines_of(wallet)
    assert next(verify.verify_lines([*lines[:4], broken, *lines[4:]])).startswith("line 5: ")


@pytest.mark.parametrize("hash_", ["", "zz" * 32, "00" * 31, "é" * 64])
def test_a_hash_that_is_none_is_told(wallet: Wallet, hash_: str) -> None:
    first = json.dumps(json.loads(lines_of(wallet)[0]) | {"hash": hash_}).encode()
    assert next(verify.verify_lines([first])).startswith("line 1: ")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@effort(max_examples=100, deadline=None)
@example(metadata={"n": [2**63, 2**64, 2**70, -(2**63) - 1, -0.0, 1e22, 5e-324]}, reason=None)
@given(metadata=st.dictionaries(st.text(max_size=5), json_values, max_size=3), reason=st.none() | st.just("ü, 茶, 🧋"))
def test_any_metadata_that_is_taken_verifies(
    make_installation: Any, metadata: dict[str, Any], reason: str | None
) -> None:
    clock = ManualClock()
    with make_installation(clock) as installation:
        shop = open_shop(installation, "shop")
        wallet = Wallet(shop, shop.client())
        wallet.do(Grant(1, metadata=metadata, reason=reason))
        assert list(verify.verify(installation, "shop", lambda _: None)) == []
        assert list(verify.verify_lines(lines_of(wallet))) == []
