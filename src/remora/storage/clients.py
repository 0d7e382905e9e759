"""Rows of clients, and the reading of balances."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from remora.model import GENESIS, NEVER, Balance, Client, Lot, Platform
from remora.storage.database import Row, Transaction


def add(tx: Transaction, bot_id: str, client: Client, now: int) -> None:
    """Raises UniqueViolation if the encoded id or the platform's id is taken."""
    tx.run(
        "client_add",
        bot_id=bot_id,
        client_id=client.client_id,
        platform=client.platform,
        platform_client_id=client.platform_client_id,
        next_due_at=NEVER,
        head_hash=GENESIS,
        created_at=now,
    )


def next_number(tx: Transaction, bot_id: str) -> int:
    """Count one more client of a bot that is there, from 1."""
    [row] = tx.all("bot_count_client", bot_id=bot_id)
    number: int = row[0]
    return number


def find(tx: Transaction, bot_id: str, client_id: str) -> Client | None:
    row = tx.one("client_find", bot_id=bot_id, client_id=client_id)
    return _client(row) if row else None


def find_by_platform(tx: Transaction, bot_id: str, platform: Platform, platform_client_id: str) -> Client | None:
    row = tx.one("client_find_by_platform", bot_id=bot_id, platform=platform, platform_client_id=platform_client_id)
    return _client(row) if row else None


def page(tx: Transaction, bot_id: str, after: str, most: int) -> list[Client]:
    """At most `most` clients whose encoded ids come after `after`, in their order."""
    return [_client(row) for row in tx.all("client_page", bot_id=bot_id, after=after, most=most)]


def balances(tx: Transaction, bot_id: str, client_ids: Iterable[str]) -> list[Balance]:
    """The stored balances of those encoded ids that are a client's, in no order."""
    return _balances(tx.all("balances_by_client_id", bot_id=bot_id, ids=_array(client_ids)))


def balances_by_platform(
    tx: Transaction, bot_id: str, platform: Platform, platform_client_ids: Iterable[str]
) -> list[Balance]:
    """The stored balances of those platform ids that are a client's, in no order."""
    rows = tx.all("balances_by_platform", bot_id=bot_id, platform=platform, ids=_array(platform_client_ids))
    return _balances(rows)


def open_lots(tx: Transaction, bot_id: str, client_ids: Iterable[str]) -> dict[str, list[Lot]]:
    """The lots that still have points, by encoded client id."""
    lots: dict[str, list[Lot]] = {}
    for client_id, *lot in tx.all("lots_open", bot_id=bot_id, ids=_array(client_ids)):
        lots.setdefault(client_id, []).append(Lot(*lot))
    return lots


def _array(ids: Iterable[str]) -> str:
    return msgspec.json.encode(list(ids)).decode()


def _client(row: Row) -> Client:
    client_id, platform, platform_client_id = row
    return Client(client_id, Platform(platform), platform_client_id)


def _balances(rows: list[Row]) -> list[Balance]:
    # A look-up's hot loop: the platform stays the text that it is in the row, which every Platform equals.
    return [Balance(*row) for row in rows]
