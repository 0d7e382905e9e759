"""Verifying a database: whatever is changed behind the ledger's back is told."""

from __future__ import annotations

import re

import pytest

from remora.service import verify
from remora.service.export import export
from remora.service.installation import Installation
from tests.backdoor import BackDoor
from tests.cast import SECOND, ManualClock, Shop
from tests.wallet import Wallet, eventful


@pytest.fixture
def wallet(shop: Shop, clock: ManualClock) -> Wallet:
    return eventful(shop, clock)


def problems(wallet: Wallet) -> list[str]:
    return list(verify.verify(wallet.shop.installation, wallet.shop.bot_id, lambda _: None))


def tamper(back_door: BackDoor, statement: str) -> None:
    assert back_door.run(statement) == 1, statement


def test_a_ledger_that_nobody_touched_is_clean_before_and_after_it_is_tidied(
    wallet: Wallet, clock: ManualClock
) -> None:
    assert {entry.kind for entry in wallet.journal()} >= {"grant", "start", "spend", "hold", "capture", "timeout"}
    assert problems(wallet) == []
    clock.time += 100 * SECOND
    assert problems(wallet) == []
    wallet.tidy()
    assert problems(wallet) == []


def test_a_bot_without_clients_is_clean(shop: Shop, installation: Installation) -> None:
    assert list(verify.verify(installation, shop.bot_id, lambda _: None)) == []
    assert list(export(installation, shop.bot_id)) == []


ENTRY = "WHERE client_id = '{client}' AND seq = 3"


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (f"UPDATE entries SET points = points - 1 {ENTRY}", "entry 3: .*available"),
        (f"UPDATE entries SET available = available + 1 {ENTRY}", "entry 3: .*available"),
        (f"UPDATE entries SET kind = 'expire' {ENTRY}", "entry 3: .*hash"),
        (f"UPDATE entries SET kind = 'gift' {ENTRY}", "entry 3: its kind is 'gift'"),
        (f"UPDATE entries SET at = at + 1 {ENTRY}", "entry 3: .*hash"),
        (f"UPDATE entries SET recorded_at = recorded_at - 1 {ENTRY}", "entry 3: it was recorded before"),
        (f"UPDATE entries SET reason = 'coffee' {ENTRY}", "entry 3: .*hash"),
        (f"UPDATE entries SET reason = NULL {ENTRY}", "entry 3: .*hash"),
        (f"UPDATE entries SET metadata = '{{{{}}}}' {ENTRY}", "entry 3: .*hash"),
        (f"UPDATE entries SET refers_to = 1 {ENTRY}", "entry 3: .*hash"),
        (f"UPDATE entries SET active_from = 1 {ENTRY}", "entry 3: .*hash"),
        (f"UPDATE entries SET expires_at = 1 {ENTRY}", "entry 3: .*hash"),
        (f"UPDATE entries SET operator = 'mallory' {ENTRY}", "entry 3: .*hash"),
        (f"UPDATE entries SET hash = zeroblob(32) {ENTRY}", "entry 3: .*hash"),
        (f"UPDATE entries SET seq = 1000 {ENTRY}", "seq is 4 after 2"),
        (f"DELETE FROM entries {ENTRY}", "seq is 4 after 2"),
        ("DELETE FROM entries WHERE client_id = '{client}' AND seq = 1", "seq is 2 after 0"),
        (
            """DELETE FROM entries WHERE client_id = '{client}'
                  AND seq = (SELECT max(seq) FROM entries AS e WHERE e.client_id = '{client}')""",
            "seq is .*but its entries say",
        ),
        (f"UPDATE entry_lots SET points = points - 1 {ENTRY}", "entry 3: .*allocations"),
        (f"UPDATE entry_lots SET lot_id = 2 {ENTRY}", "entry 3: .*hash"),
        (f"UPDATE entry_lots SET lot_id = 99 {ENTRY}", "entry 3: it touches lot 99"),
        (f"DELETE FROM entry_lots {ENTRY}", "entry 3: .*allocations"),
        ("INSERT INTO entry_lots VALUES ('{bot}', '{client}', 3, 2, -1)", "entry 3: .*allocations"),
        ("UPDATE lots SET remaining = remaining + 1 WHERE client_id = '{client}' AND lot_id = 2", "lot 2 is"),
        ("UPDATE lots SET held = held - 1 WHERE client_id = '{client}' AND lot_id = 2", "lot 2 is"),
        ("UPDATE lots SET points = points + 1 WHERE client_id = '{client}' AND lot_id = 2", "lot 2 is"),
        ("UPDATE lots SET points = points + 1 WHERE client_id = '{client}' AND lot_id = 2", "entry 2: .*hash"),
        (
            """UPDATE lots SET points = points + 1, remaining = remaining + 1
                  WHERE client_id = '{client}' AND lot_id = 2""",
            "entry 2: .*hash",
        ),
        ("UPDATE lots SET active_from = 0 WHERE client_id = '{client}' AND lot_id = 2", "lot 2 is"),
        ("UPDATE lots SET expires_at = expires_at + 1 WHERE client_id = '{client}' AND lot_id = 2", "lot 2 is"),
        ("DELETE FROM lots WHERE client_id = '{client}' AND lot_id = 1", "lot 1 is None"),
        (
            "DELETE FROM lots WHERE client_id = '{client}' AND lot_id = 1",
            "entry 1: points is 10, .*allocations say 0",
        ),
        ("UPDATE lots SET lot_id = 3 WHERE client_id = '{client}' AND lot_id = 1", "lot 3 is"),
        ("UPDATE holds SET status = 'open' WHERE client_id = '{client}' AND status = 'timedOut'", "hold 5 is"),
        ("UPDATE holds SET status = 'released' WHERE client_id = '{client}' AND status = 'open'", "hold .* is"),
        ("UPDATE holds SET points = points + 1 WHERE client_id = '{client}' AND hold_id = 5", "hold 5 is"),
        ("UPDATE holds SET expires_at = 0 WHERE client_id = '{client}' AND hold_id = 5", "hold 5 is"),
        ("DELETE FROM holds WHERE client_id = '{client}' AND hold_id = 5", "hold 5 is None"),
        ("UPDATE clients SET available = available + 1 WHERE client_id = '{client}'", "available is"),
        ("UPDATE clients SET held = held + 1 WHERE client_id = '{client}'", "held is"),
        ("UPDATE clients SET next_due_at = next_due_at + 1 WHERE client_id = '{client}'", "next due is"),
        ("UPDATE clients SET seq = seq + 1 WHERE client_id = '{client}'", "seq is"),
        ("UPDATE clients SET head_hash = zeroblob(32) WHERE client_id = '{client}'", "head hash is"),
        ("UPDATE clients SET settled_at = 0 WHERE client_id = '{client}'", "settled is"),
        ("DELETE FROM clients WHERE client_id = '{client}'", "rows of entries belong to nothing"),
        ("INSERT INTO lots VALUES ('{bot}', 'nobody', 1, 5, 5, 0, 0, 9)", "1 rows of lots belong to nothing"),
        ("INSERT INTO holds VALUES ('{bot}', 'nobody', 1, 5, 9, 'open')", "1 rows of holds belong to nothing"),
        ("INSERT INTO entry_lots VALUES ('{bot}', 'nobody', 1, 1, 5)", "1 rows of entry_lots belong to nothing"),
        ("INSERT INTO entry_lots VALUES ('{bot}', '{client}', 99, 1, 5)", "1 rows of entry_lots belong to nothing"),
        ("INSERT INTO entry_lots VALUES ('{bot}', '{client}', 1, 1, 5)", "1 rows of entry_lots belong to nothing"),
        ("INSERT INTO entry_lots VALUES ('{bot}', '{client}', 3, 3, 5)", "1 rows of entry_lots belong to nothing"),
        (
            """INSERT INTO entries VALUES
                  ('{bot}', 'nobody', 1, 'grant', 5, 5, 0, 0, NULL, NULL, NULL, 0, 9, zeroblob(32), NULL)""",
            "1 rows of entries belong to nothing",
        ),
        ("INSERT INTO lots VALUES ('{bot}', '{client}', 3, 5, 5, 0, 0, 9)", "lot 3 is"),
        ("INSERT INTO holds VALUES ('{bot}', '{client}', 3, 5, 9, 'open')", "hold 3 is"),
    ],
)
def test_whatever_is_changed_in_the_database_is_told(
    wallet: Wallet, back_door: BackDoor, statement: str, told: str
) -> None:
    tamper(back_door, statement.format(bot=wallet.shop.bot_id, client=wallet.client_id))
    found = problems(wallet)
    assert any(re.search(told, each) for each in found), found
    assert all(each.startswith(wallet.shop.bot_id) for each in found)


def test_metadata_that_is_no_json_any_more_is_told(wallet: Wallet, back_door: BackDoor) -> None:
    tamper(back_door, f"UPDATE entries SET metadata = 'broken' WHERE client_id = '{wallet.client_id}' AND seq = 1")
    assert problems(wallet)


def test_one_clients_fault_is_told_of_that_client_only(wallet: Wallet, back_door: BackDoor) -> None:
    tamper(back_door, f"UPDATE clients SET held = 0 WHERE client_id = '{wallet.client_id}'")
    assert {each.split(":")[0] for each in problems(wallet)} == {f"{wallet.shop.bot_id}/{wallet.client_id}"}


def test_another_bots_ledger_is_none_of_this_ones(wallet: Wallet, back_door: BackDoor, rival: Shop) -> None:
    tamper(back_door, f"UPDATE clients SET held = 0 WHERE client_id = '{wallet.client_id}'")
    assert list(verify.verify(wallet.shop.installation, rival.bot_id, lambda _: None)) == []
