"""The balance when the clock misbehaves; at every other instant see test_ledger_machine.py."""

from __future__ import annotations

from remora.ledger.commands import Grant
from remora.service import lookup, points
from remora.service.history import explain_now
from remora.service.installation import Installation
from remora.service.orders import Who
from tests.cast import START, ManualClock, Shop


def test_the_clock_may_run_backwards_and_the_journal_does_not(
    installation: Installation, shop: Shop, clock: ManualClock
) -> None:
    client_id = shop.client()
    first = points.order(installation, shop.bot_id, client_id, Grant(5, START + 10))
    clock.time -= 1000
    second = points.order(installation, shop.bot_id, client_id, Grant(7))
    assert second.entry.at == first.entry.at
    assert looked_up(shop, client_id) == 12


def test_what_expired_in_writing_does_not_come_back_when_the_clock_runs_backwards(
    installation: Installation, shop: Shop, clock: ManualClock
) -> None:
    client_id = shop.client()
    shop.grant(client_id, 5, START + 10)
    clock.time = START + 10
    points.order(installation, shop.bot_id, client_id, Grant(7))
    clock.time = START + 9
    assert looked_up(shop, client_id) == 7
    with installation.database.read() as tx:
        assert explain_now(tx, shop.bot_id, Who(client_id), clock.time).available == 7


def looked_up(shop: Shop, client_id: str) -> int:
    return lookup.balances(shop.installation, shop.bot_id, [client_id])[client_id].points
