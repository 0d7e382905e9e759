"""Reading what orders need, locked, for one way to the store and back: the bot, the clients' numbers, the keys."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec import Struct

from remora.errors import NoSuchBot
from remora.model import Account, Bot
from remora.storage import accounts, bots, operations
from remora.storage.database import Query, Row
from remora.storage.operations import Operation
from remora.storage.parameters import array


class Opened(Struct, frozen=True):
    """The bot; the accounts that are there, without lots and holds, by encoded client id; and
    the keys that were used.
    """

    bot: Bot
    accounts: dict[str, Account]
    kept: dict[str, Operation]


def queries(bot_id: str, client_ids: Collection[str], keys: Collection[str]) -> list[Query]:
    """The queries that `opened` reads the rows of. Nobody else changes the accounts until their transaction ends."""
    # A row is locked by one statement and read as it is then by the next: so the lots come after this.
    asked: list[Query] = [
        ("bot_find", {"bot_id": bot_id}),
        ("accounts_lock", {"bot_id": bot_id, "ids": tuple(sorted(client_ids))}),
    ]
    if keys:
        asked.append(("operations_find", {"bot_id": bot_id, "keys": array(keys)}))
    return asked


def opened(bot_id: str, rows: Sequence[list[Row]]) -> Opened:
    """What the queries have found. NoSuchBot if there is no bot."""
    found, numbers, *used = rows
    bot = bots.bot_of(found)
    if bot is None:
        raise NoSuchBot(f"there is no bot {bot_id}")
    return Opened(bot, accounts.numbers(bot_id, numbers), operations.of_rows(used[0]) if used else {})
