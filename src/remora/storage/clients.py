"""Rows of clients."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from remora.model import GENESIS, NEVER, Client, Platform
from remora.storage.database import Row, Transaction
from remora.storage.parameters import array

_LONGER_THAN_ANY = 1_000
_LEAST = "\x01"
"""What follows an id in no other: they hold no control characters."""

CLIENT = ("client_id", "platform", "platform_client_id", "next_due_at", "head_hash", "created_at")

PlatformPair = tuple[Platform, str]
"""A platform, and the platform's own id of a client."""


def add(tx: Transaction, bot_id: str, added: Iterable[Client], now: int) -> None:
    """Raises UniqueViolation if an encoded id or a platform's id is taken."""
    rows = [(each.client_id, each.platform, each.platform_client_id, NEVER, GENESIS, now) for each in added]
    tx.run_many("client_add", bot_id, CLIENT, rows)


def last_number(tx: Transaction, bot_id: str) -> int:
    """The number that the newest encoded id of a bot that is there was made of; 0 before the first."""
    [row] = tx.all("bot_last_client_number", bot_id=bot_id)
    number: int = row[0]
    return number


def note_number(tx: Transaction, bot_id: str, number: int) -> None:
    tx.run("bot_count_clients", bot_id=bot_id, number=number)


def find(tx: Transaction, bot_id: str, client_id: str) -> Client | None:
    row = tx.one("client_find", bot_id=bot_id, client_id=client_id)
    return _client(row) if row else None


def by_platform(tx: Transaction, bot_id: str, pairs: Iterable[PlatformPair]) -> dict[PlatformPair, Client]:
    """Those of the pairs that are a client's."""
    found = map(_client, tx.all("clients_by_platform", bot_id=bot_id, pairs=array(pairs)))
    return {(client.platform, client.platform_client_id): client for client in found}


def page(tx: Transaction, bot_id: str, after: str, most: int) -> list[Client]:
    """At most `most` clients whose encoded ids come after `after`, in their order."""
    return [_client(row) for row in tx.all("client_page", bot_id=bot_id, after=after, most=most)]


def with_prefix(tx: Transaction, bot_id: str, platform: Platform, prefix: str, after: str, most: int) -> list[Client]:
    """At most `most` clients whose ids on the platform begin with `prefix` and come after `after`, in their order: a
    walk along the index, however many there are.
    """
    rows = tx.all(
        "clients_with_prefix",
        bot_id=bot_id,
        platform=platform,
        first=max(prefix, after + _LEAST),
        beyond=_beyond(prefix),
        most=most,
    )
    return [_client(row) for row in rows]


def due(tx: Transaction, bot_id: str, now: int, most: int) -> list[str]:
    """The encoded ids of at most `most` clients for whom something came due by `now`."""
    return [row[0] for row in tx.all("clients_due", bot_id=bot_id, now=now, most=most)]


def count_due(tx: Transaction, bot_id: str, now: int) -> int:
    [row] = tx.all("clients_due_count", bot_id=bot_id, now=now)
    number: int = row[0]
    return number


def count(tx: Transaction, bot_id: str) -> int:
    [row] = tx.all("client_count", bot_id=bot_id)
    number: int = row[0]
    return number


def _beyond(prefix: str) -> str:
    """The least text that comes after all that begin with `prefix`, in the order of code points, which is that of their
    UTF-8 bytes too.
    """
    while prefix:
        last = ord(prefix[-1]) + 1
        if last <= sys.maxunicode:
            return prefix[:-1] + chr(0xE000 if 0xD800 <= last < 0xE000 else last)  # noqa: PLR2004 (surrogates are no text)
        prefix = prefix[:-1]
    return chr(sys.maxunicode) * _LONGER_THAN_ANY


def _client(row: Row) -> Client:
    client_id, platform, platform_client_id = row
    return Client(client_id, Platform(platform), platform_client_id)
