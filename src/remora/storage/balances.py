"""Reading what a look-up needs: who is calling, and the stored balances, for one way to the store and back."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import Struct

from remora.model import Platform
from remora.storage import bots
from remora.storage.bots import Caller
from remora.storage.database import Query, Reads, Row


class Stored(Struct, frozen=True):
    """What was found: callers by token id (none at all: no such bot), and by the ids that they were asked by the
    clients' rows: encoded id, platform, points, and the instant from which that many points are stale.

    A row stays as it comes, for this is a look-up's hot loop: its platform is the text that every Platform equals.
    """

    callers: dict[str, Caller]
    by_client_id: dict[str, Row]
    on_platform: dict[Platform, dict[str, Row]]

    def overdue(self, now: int) -> set[str]:
        """The encoded ids of the clients whose balance is stale by `now`."""
        stale = {row[0] for row in self.by_client_id.values() if row[3] <= now}
        for found in self.on_platform.values():
            stale.update(row[0] for row in found.values() if row[3] <= now)
        return stale


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
        by_client_id={row[0]: row for row in found.pop(0)} if client_ids else {},
        on_platform={
            platform: {row[4]: row for row in rows} for platform, rows in zip(on_platform, found, strict=True)
        },
    )
