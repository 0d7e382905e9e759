"""A shop to measure: one bot with clients and points, in a ledger that `verify` finds right."""

from __future__ import annotations

import os
from collections.abc import Sequence

from msgspec import Struct

from remora import settings
from remora.clock import SystemClock
from remora.ledger.book import Book
from remora.ledger.commands import Grant
from remora.ledger.decide import decide
from remora.model import Account, Bot, Client, Platform
from remora.service import access, bots, pairs
from remora.service.installation import Installation, migrate, open_installation
from remora.storage import accounts, clients
from remora.storage.database import Transaction

BOT = "bench"
PATH = "/api/openapi/client/point"

APART = 211_106
"""What parts the ids of neighbours: so far that five million of them are spread over all ids of ten digits."""

TOGETHER = 5_000
"""How many clients one transaction makes."""


class Granted(Struct, frozen=True):
    """A grant that each client was given, and when."""

    grant: Grant
    at: int


class Shop(Struct, frozen=True):
    """Where it is, and how to call it."""

    environment: dict[str, str]
    bot_id: str
    token: str
    secret: str
    clients: int

    @property
    def url(self) -> str:
        """Of the database."""
        return self.environment["REMORA_DATABASE_URL"]

    def __repr__(self) -> str:
        return f"Shop(bot_id={self.bot_id!r}, clients={self.clients})"


def client_id(number: int) -> str:
    """The id of a shop's client, from 1: as long as encoded ids are, and as far apart."""
    return f"{number * APART:010x}"


def client_ids(count: int) -> list[str]:
    return [client_id(number) for number in range(1, count + 1)]


def fill(url: str, count: int, granted: Sequence[Granted] | None = None, bot_id: str = BOT) -> Shop:
    """Make a bot whose clients were granted all of that, or a million points each that never expire."""
    installation = _opened(url)
    bots.create(installation, "bench", bot_id)
    granted = granted or [Granted(Grant(1_000_000), installation.clock.now())]
    with installation.database.read() as tx:
        bot = access.known_bot(tx, bot_id)
    for first in range(1, count + 1, TOGETHER):
        with installation.database.write() as tx:
            _add(tx, bot, range(first, min(first + TOGETHER, count + 1)), granted)
    installation.close()
    return known(url, count, bot_id)


def known(url: str, count: int, bot_id: str = BOT) -> Shop:
    """A shop that was filled before, with a new pair."""
    installation = _opened(url)
    pair = pairs.rotate(installation, bot_id, overlap_minutes=0)
    installation.close()
    return Shop(_environment(url), bot_id, pair.api_token, pair.api_secret, count)


def _add(tx: Transaction, bot: Bot, numbers: range, granted: Sequence[Granted]) -> None:
    made = [Client(client_id(number), Platform.LINE, f"U{number * APART:032x}") for number in numbers]
    clients.add(tx, bot.bot_id, made, granted[0].at)
    changes = []
    for client in made:
        book = Book(Account(bot.bot_id, client.client_id), granted[0].at)
        for each in granted:
            book.now = each.at
            decide(book, each.grant, bot)
        changes.append(book.changes())
    accounts.save(tx, bot.bot_id, changes)


def _opened(url: str) -> Installation:
    read = settings.load(_environment(url))
    migrate(read, SystemClock())
    return open_installation(read, SystemClock())


def _environment(url: str) -> dict[str, str]:
    """Default settings, but for a rate limit that refuses nothing."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("REMORA_")}
    return {**inherited, "REMORA_DATABASE_URL": url, "REMORA_RATE_LIMIT": "1000000000/minute"}
