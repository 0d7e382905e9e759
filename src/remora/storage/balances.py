"""Reading what a look-up needs: who is calling, and the stored balances, for one way to the store and back."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import Struct

from remora.model import Balance, Platform
from remora.storage import bots
from remora.storage.bots import Caller
from remora.storage.database import Query, Reads, Row


class Stored(Struct, frozen=True):
    """What was found: callers by token id (none at all: no such bot), balances by the ids they were asked by."""

    callers: dict[str, Caller]
    by_client_id: dict[str, Balance]
    on_platform: dict[Platform, dict[str, Balance]]

    def overdue(self, now: int) -> set[str]:
        """The encoded ids of the clients whose balance is stale by `now`."""
        return {
            balance.client_id
            for found in (self.by_client_id, *self.on_platform.values())
            for balance in found.values()
            if balance.next_due_at <= now
        }


def read(
    reads: Reads,
    bot_id: str,
    token_ids: Collection[str],
    client_ids: Collection[str],
    on_platform: Mapping[Platform, Collection[str]],
) -> Stored:
    """The callers, and the balances of those ids that are a client's."""
    queries: list[Query] = [("callers_find", {"bot_id": bot_id, "ids": tuple(token_ids)})]
    if client_ids:
        queries.append(("balances_by_client_id", {"bot_id": bot_id, "ids": tuple(client_ids)}))
    for platform, ids in on_platform.items():
        queries.append(("balances_by_platform", {"bot_id": bot_id, "platform": platform, "ids": tuple(ids)}))
    callers, *found = reads.together(*queries)
    return Stored(
        callers=bots.callers(callers, token_ids),
        by_client_id=_balances(found.pop(0)) if client_ids else {},
        on_platform={platform: _balances(rows) for platform, rows in zip(on_platform, found, strict=True)},
    )


def _balances(rows: list[Row]) -> dict[str, Balance]:
    # A look-up's hot loop: the platform stays the text that it is in the row, which every Platform equals.
    return {row[0]: Balance(*row) for row in rows}
