"""A digest of all that belongs to a bot: two stores that have the same digest hold the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import msgspec

from remora.service import access
from remora.storage import clients, imports, rows
from remora.storage.database import Database, Transaction

PAGE = 500


def work(database: Database, bot_id: str) -> int:
    """How much there is to read: clients and idempotency keys."""
    with database.read() as tx:
        return clients.count(tx, bot_id) + rows.count_operations(tx, bot_id)


def digest(database: Database, bot_id: str, done: Callable[[int], None] = lambda _: None) -> str:
    """SHA-256, hexadecimal, of the bot, its pairs, clients, lots, holds, keys and imports in a fixed order; of the
    journals by their head hashes, which `verify` checks against every entry. Each page is one snapshot.
    """
    hashed = hashlib.sha256()

    def add(*values: object) -> None:
        for value in values:
            hashed.update(msgspec.json.encode(value) + b"\n")

    with database.read() as tx:
        add(access.known_bot(tx, bot_id), clients.last_number(tx, bot_id), *rows.credentials(tx, bot_id))
    after: str | None = ""
    while after is not None:
        with database.read() as tx:
            after, count = _add_clients(tx, bot_id, after, add)
        done(count)
    after = ""
    while after is not None:
        with database.read() as tx:
            page = rows.operations(tx, bot_id, after, PAGE)
        add(*page)
        done(len(page))
        after = page[-1].key if page else None
    after = ""
    while after is not None:
        with database.read() as tx:
            found = imports.page(tx, bot_id, after, PAGE)
        for each in found:
            add(each)
            _add_import_rows(database, bot_id, each.import_id, add)
        after = found[-1].import_id if found else None
    return hashed.hexdigest()


def _add_clients(tx: Transaction, bot_id: str, after: str, add: Callable[..., None]) -> tuple[str | None, int]:
    page = rows.clients(tx, bot_id, after, PAGE)
    client_ids = [client.client_id for client in page]
    add(*page, *rows.lots(tx, bot_id, client_ids), *rows.holds(tx, bot_id, client_ids))
    return client_ids[-1] if client_ids else None, len(page)


def _add_import_rows(database: Database, bot_id: str, import_id: str, add: Callable[..., None]) -> None:
    after: int | None = 0
    while after is not None:
        with database.read() as tx:
            page = imports.rows(tx, bot_id, import_id, after, PAGE)
        add(*page)
        after = page[-1].number if page else None
