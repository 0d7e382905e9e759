"""Rows, on each store: they come back as they went in, are found by what they are, and come in one order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from remora.model import GENESIS, MAX_POINTS, NEVER, Client, Entry, Lot, LotChange, Platform
from remora.storage import accounts, balances, clients, journal, operations
from remora.storage.database import Database, Transaction
from remora.storage.operations import Operation
from tests.cast import Shop

TEXTS = [
    "plain",
    "it's",
    'a "quoted" one',
    "back\\slash",
    "\\u0000",
    "\\x00",
    "100 %",
    "%s %(bot_id)s",
    ":bot_id",
    "$1",
    "{braces}",
    "[1, 2]",
    "null",
    " around ",
    "Å",
    "A\u030a",
    "🧋",
    "茶",
    "a\u200bb",
    "\ufffd",
    "\x7f",
    "UPPER",
    "upper",
    "x" * 256,
    "🧋" * 256,
]
WITH_NUL = ["\0", "a\0", "\0a", "pl\0ain", "plain\0"]


def add(database: Database, shop: Shop, rows: Sequence[Client]) -> None:
    with database.write() as tx:
        clients.add(tx, shop.bot_id, rows, 0)


def test_texts_come_back_as_they_went_in(database: Database, shop: Shop) -> None:
    by_text = {text: Client(f"c{number}", Platform.LINE, text) for number, text in enumerate(TEXTS)}
    add(database, shop, list(by_text.values()))
    with database.write() as tx:
        for number, text in enumerate(TEXTS):
            tx.run("installation_keep", name=text, value=text)
            entry = Entry(
                number + 1, "grant", 1, 1, 0, 0, (), text, {text: [text, None]}, None, None, None, None, GENESIS
            )
            tx.run_many("entry_add", shop.bot_id, accounts.ENTRY, [accounts.entry_row("c0", entry)])
    with database.read() as tx:
        for text, client in by_text.items():
            assert clients.find(tx, shop.bot_id, client.client_id) == client
            assert tx.one("installation_value", name=text) == (text,)
        found = journal.oldest_first(tx, shop.bot_id, "c0")
        assert [(entry.reason, entry.metadata) for entry in found] == [(text, {text: [text, None]}) for text in TEXTS]


@pytest.mark.parametrize("texts", [TEXTS, [*TEXTS, "\n", "\\n\n", "\x01"]], ids=["without", "with control characters"])
def test_rows_that_are_written_together_keep_their_texts_and_where_they_have_none(
    database: Database, shop: Shop, texts: list[str]
) -> None:
    said: list[tuple[str | None, dict[str, Any] | None]] = [(text, {text: [text]}) for text in texts]
    said[1:1] = [(None, None), ("", {}), ("NULL", None), (None, {"null": None})]
    entries = [
        Entry(number, "grant", 1, 1, 0, 0, (), reason, metadata, None, None, None, None, GENESIS)
        for number, (reason, metadata) in enumerate(said, 1)
    ]
    with database.write() as tx:
        tx.run_many("entry_add", shop.bot_id, accounts.ENTRY, [accounts.entry_row("c0", entry) for entry in entries])
    with database.read() as tx:
        assert list(journal.oldest_first(tx, shop.bot_id, "c0")) == entries


def test_numbers_and_bytes_come_back_as_they_went_in(database: Database, shop: Shop) -> None:
    every_byte, least, most = bytes(range(256)), -(2**63), NEVER
    lot = Lot(1, MAX_POINTS, MAX_POINTS, 0, least, most)
    entry = Entry(2, "x", least, MAX_POINTS, most, 0, (LotChange(1, -1),), None, None, most, None, least, None, GENESIS)
    with database.write() as tx:
        operations.add(tx, shop.bot_id, {"k": Operation(every_byte[:32], every_byte), "e": Operation(GENESIS, b"")}, 0)
        clients.add(tx, shop.bot_id, [Client("a", Platform.LINE, "U1")], 0)
        tx.run_many("lot_save", shop.bot_id, accounts.LOT, [accounts.lot_row("a", lot)])
        tx.run_many("entry_add", shop.bot_id, accounts.ENTRY, [accounts.entry_row("a", entry)])
        tx.run_many("entry_lot_add", shop.bot_id, accounts.ENTRY_LOT, [("a", 2, 1, -1)])
    with database.read() as tx:
        assert operations.find(tx, shop.bot_id, ["k", "e"]) == {
            "k": Operation(every_byte[:32], every_byte),
            "e": Operation(GENESIS, b""),
        }
        assert journal.lots(tx, shop.bot_id, "a", 10) == [lot]
        assert list(journal.oldest_first(tx, shop.bot_id, "a")) == [entry]


@pytest.mark.parametrize("of", ["platform pairs", "platform ids", "client ids", "accounts", "keys", "token ids"])
def test_ids_are_found_by_what_they_are_and_one_with_nul_is_nobodys(database: Database, shop: Shop, of: str) -> None:
    """Of what is there every other text is asked for, beside some that nobody has."""
    there, asked = TEXTS, [*TEXTS[::2], *WITH_NUL, "PLAIN", "UPPER ", "", "\\u0000\\u0000", "x" * 255]
    with database.write() as tx:
        clients.add(tx, shop.bot_id, [Client(text, Platform.LINE, text) for text in there], 0)
        operations.add(tx, shop.bot_id, {text: Operation(GENESIS, text.encode()) for text in there}, 0)
        for number, text in enumerate(there):
            pair = {"secret_digest": GENESIS, "created_at": 0, "expires_at": 0, "valid_until": number}
            tx.run("credential_add", bot_id=shop.bot_id, token_id=text, **pair)
    with database.read() as tx:
        found = _found(tx, shop.bot_id, of, asked)
    assert sorted(found) == sorted(TEXTS[::2])


def _found(tx: Transaction, bot_id: str, of: str, asked: Sequence[str]) -> list[str]:
    match of:
        case "platform pairs":
            return [text for _, text in clients.by_platform(tx, bot_id, [(Platform.LINE, text) for text in asked])]
        case "platform ids":
            found = balances.read(tx, bot_id, [], [], {Platform.LINE: asked}, 0).on_platform[Platform.LINE]
            return [row[3] for row in found.rows]
        case "client ids":
            return [row[0] for row in balances.read(tx, bot_id, [], asked, {}, 0).clients.rows]
        case "accounts":
            return list(accounts.load(tx, bot_id, asked))
        case "keys":
            return list(operations.find(tx, bot_id, asked))
        case "token ids":
            callers = balances.read(tx, bot_id, asked, [], {}, 0).callers
            return [text for text, caller in callers.items() if caller.secret_digest]
    raise AssertionError(of)


def test_statements_together_answer_what_each_answers_alone(database: Database, shop: Shop) -> None:
    made = [shop.client(5, platform_client_id=f"U{number}") for number in range(3)]
    queries: list[tuple[str, dict[str, Any]]] = [
        ("client_find", {"bot_id": shop.bot_id, "client_id": made[1]}),
        ("client_find", {"bot_id": shop.bot_id, "client_id": "nobody"}),
        ("client_page", {"bot_id": shop.bot_id, "after": "", "most": 10}),
        ("client_count", {"bot_id": shop.bot_id}),
    ]
    for transaction in (database.read, database.write):
        with transaction() as tx:
            alone = [tx.all(query, **values) for query, values in queries]
            assert tx.together(*queries) == alone
            assert [len(rows) for rows in alone] == [1, 0, 3, 1]
            assert tx.together() == []


def test_many_rows_are_written_at_once_and_none_at_all(database: Database, shop: Shop) -> None:
    many = [Client(f"c{number:04}", Platform.LINE, f"U{number}") for number in range(3_000)]
    add(database, shop, many)
    add(database, shop, [])
    with database.read() as tx:
        assert clients.count(tx, shop.bot_id) == 3_000
        assert clients.page(tx, shop.bot_id, "c2989", 100) == many[2_990:]


def test_ids_are_in_the_order_of_their_bytes(database: Database, shop: Shop) -> None:
    """So that pages come in one order, whichever the store, and a page of one goes on in the other."""
    names = ["a", "B", "b", "A", "Z", "_", "-", "0", "9", "aa", "Aa", "a-"]
    add(database, shop, [Client(name, Platform.LINE, name) for name in names])
    with database.read() as tx:
        assert [each.client_id for each in clients.page(tx, shop.bot_id, "", 100)] == sorted(names)
