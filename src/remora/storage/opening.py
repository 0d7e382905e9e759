"""Reading what orders need, locked, for one way to the store and back: the bot, the clients' numbers, the keys."""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct

from remora.model import Account, Bot
from remora.storage import accounts, bots, operations
from remora.storage.database import Query, Transaction
from remora.storage.operations import Operation
from remora.storage.parameters import array


class Opened(Struct, frozen=True):
    """The bot, None if there is none; the accounts that are there, without lots and holds, by encoded client id; and
    the keys that were used.
    """

    bot: Bot | None
    accounts: dict[str, Account]
    kept: dict[str, Operation]


def read(tx: Transaction, bot_id: str, client_ids: Collection[str], keys: Collection[str]) -> Opened:
    """Nobody else changes the accounts until the transaction ends."""
    # A row is locked by one statement and read as it is then by the next: so the lots come after this.
    queries: list[Query] = [
        ("bot_find", {"bot_id": bot_id}),
        ("accounts_lock", {"bot_id": bot_id, "ids": array(client_ids)}),
    ]
    if keys:
        queries.append(("operations_find", {"bot_id": bot_id, "keys": array(keys)}))
    found, numbers, *used = tx.together(*queries)
    return Opened(bots.bot_of(found), accounts.numbers(bot_id, numbers), operations.of_rows(used[0]) if used else {})
