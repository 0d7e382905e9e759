"""Exports are files, the same as the shell prints, and no cell of them is a formula."""

from __future__ import annotations

from tests.cast import Shop
from tests.web.console.visitor import Visitor, bot_path


def test_clients_and_journal_come_as_files(mei: Visitor, shop: Shop) -> None:
    client_id = shop.client(7, platform_client_id="=1+1")
    for what in ("clients", "journal"):
        for form in ("csv", "jsonl"):
            answer = mei.get(f"{bot_path(shop)}/exports/{what}?format={form}")
            assert answer.status_code == 200
            assert answer.headers["content-disposition"] == f'attachment; filename="{shop.bot_id}-{what}.{form}"'
            assert client_id in answer.text
    assert "'=1+1" in mei.get(f"{bot_path(shop)}/exports/clients").text


def test_balances_are_those_of_the_instant(mei: Visitor, shop: Shop) -> None:
    client_id = shop.client(7)
    path = f"{bot_path(shop)}/exports/clients"
    assert client_id not in mei.get(f"{path}?at=2001-01-01T00:00:00").text, "it was not there yet"
    assert client_id in mei.get(path).text
    assert mei.get(f"{path}?at=yesterday").status_code == 400


def test_there_is_no_other_file(mei: Visitor, shop: Shop) -> None:
    for path in ("nothing", "clients?format=exe"):
        assert mei.get(f"{bot_path(shop)}/exports/{path}").status_code == 404
