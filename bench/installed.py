"""An installation to measure: one bot, many clients, each with points."""

from __future__ import annotations

import os

from msgspec import Struct

from remora import ids, settings
from remora.clock import SystemClock
from remora.ledger.book import Book
from remora.ledger.commands import Grant
from remora.ledger.decide import decide
from remora.model import Account, Client, Platform
from remora.service import access, bots
from remora.service.installation import migrate, open_installation
from remora.storage import accounts, clients

CLIENTS = 50_000
BOT = "bench"


class Installed(Struct, frozen=True):
    """Where it is, and how to call it."""

    environment: dict[str, str]
    token: str
    secret: str
    client_ids: list[str]


def install(url: str, points: int = 1_000_000) -> Installed:
    """Fill an empty database: a lot of `points` for each client, all in one transaction."""
    environment = {
        **os.environ,
        "REMORA_DATABASE_URL": url,
        "REMORA_RATE_LIMIT": "1000000000/minute",
    }
    read = settings.load(environment)
    migrate(read, SystemClock())
    installation = open_installation(read, SystemClock())
    pair = bots.create(installation, "bench", BOT)
    now = installation.clock.now()
    made = [
        Client(ids.client_id(installation.encoder, number), Platform.LINE, f"U{number:032}")
        for number in range(1, CLIENTS + 1)
    ]
    with installation.database.write() as tx:
        bot = access.known_bot(tx, BOT)
        clients.add(tx, BOT, made, now)
        changes = []
        for client in made:
            book = Book(Account(BOT, client.client_id), now)
            decide(book, Grant(points), bot)
            changes.append(book.changes())
        accounts.save(tx, BOT, changes)
    installation.close()
    return Installed(environment, pair.api_token, pair.api_secret, [client.client_id for client in made])
