from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from bench import shop
from bench.rows.lots import many, overdue
from bench.shop import Granted

from remora import settings
from remora.clock import SystemClock
from remora.service import lookup, verify
from remora.service.installation import Installation, open_installation


def opened(filled: shop.Shop) -> Installation:
    return open_installation(settings.load(filled.environment), SystemClock())


@pytest.mark.parametrize("granted", [None, many, overdue])
def test_a_shop_to_measure_has_ledgers_that_verify_finds_right(
    granted: Callable[[int], list[Granted]] | None, tmp_path: Path
) -> None:
    filled = shop.fill(f"sqlite:///{tmp_path}/shop.db", 12, granted and granted(SystemClock().now()))
    installation = opened(filled)
    seen: list[int] = []
    assert list(verify.verify(installation, shop.BOT, seen.append)) == []
    assert sum(seen) == 12
    installation.close()


def test_an_overdue_client_has_the_points_of_the_lot_that_lives(tmp_path: Path) -> None:
    filled = shop.fill(f"sqlite:///{tmp_path}/shop.db", 1, overdue(SystemClock().now()))
    installation = opened(filled)
    found = lookup.balances(installation, shop.BOT, [shop.client_id(1)])
    assert found[shop.client_id(1)].points == 10
    installation.close()


def test_five_million_clients_have_ids_of_the_same_length_and_no_two_the_same() -> None:
    last = shop.client_id(5_000_000)
    assert len(shop.client_id(1)) == len(last) == 10
    assert shop.client_id(4_999_999) < last
