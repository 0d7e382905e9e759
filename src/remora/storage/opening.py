"""Reading what orders need, locked, for one way to the store and back: the bot, the clients' numbers, the keys, and
the pairs of those who give them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec import Struct

from remora.errors import NoSuchBot
from remora.model import Account, Bot
from remora.storage import accounts, bots, operations
from remora.storage.bots import Caller
from remora.storage.database import Query, Row
from remora.storage.operations import Operation
from remora.storage.parameters import array


class Opened(Struct, frozen=True):
    """The bot; the accounts that are there, without lots and holds, by encoded client id; the keys that were used; and
    callers by token id.
    """

    bot: Bot
    accounts: dict[str, Account]
    kept: dict[str, Operation]
    callers: dict[str, Caller]


class Asked(Struct, frozen=True):
    """Which clients, keys and tokens are to be read."""

    client_ids: Collection[str]
    keys: Collection[str]
    token_ids: Collection[str]


def queries(bot_id: str, asked: Asked) -> list[Query]:
    """The queries that `opened` reads the rows of. Nobody else changes the accounts until their transaction ends."""
    # A row is locked by one statement and read as it is then by the next: so the lots come after this.
    to_read: list[Query] = [
        ("bot_find", {"bot_id": bot_id}),
        ("accounts_lock", {"bot_id": bot_id, "ids": tuple(sorted(asked.client_ids))}),
    ]
    if asked.keys:
        to_read.append(("operations_find", {"bot_id": bot_id, "keys": array(asked.keys)}))
    if asked.token_ids:
        to_read.append(("callers_find", {"bot_id": bot_id, "ids": tuple(asked.token_ids)}))
    return to_read


def opened(bot_id: str, asked: Asked, rows: Sequence[list[Row]]) -> Opened:
    """What the queries have found. NoSuchBot if there is no bot."""
    found, numbers, *more = rows
    bot = bots.bot_of(found)
    if bot is None:
        raise NoSuchBot(f"there is no bot {bot_id}")
    kept = operations.of_rows(more.pop(0)) if asked.keys else {}
    callers = bots.callers(more.pop(0), asked.token_ids) if asked.token_ids else {}
    return Opened(bot, accounts.numbers(bot_id, numbers), kept, callers)
