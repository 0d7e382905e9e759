"""Reading what a look-up needs: who is calling, and the stored balances, for one way to the store and back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter

from msgspec import Struct

from remora.model import Platform
from remora.storage import bots
from remora.storage.bots import Caller
from remora.storage.database import Query, Reads, Row


class Found:
    """The rows that one query found: encoded id, platform, and points, None where what is stored is stale; after
    these, where clients were asked for by a platform's ids, that.

    A row stays as it comes, for this is a look-up's hot loop: its platform is the text that every Platform equals.
    """

    __slots__ = ("_by_id", "_id", "rows")

    def __init__(self, rows: list[Row], place: int) -> None:
        """`place`: where in a row the id is that it was asked by."""
        self.rows = rows
        self._id = itemgetter(place)
        self._by_id: dict[str, Row] | None = None

    def in_order(self, asked: Sequence[str]) -> list[Row]:
        """The rows of those ids that were found, in their order and each once."""
        if self._by_id is None:
            # As a store gives them that takes one after the other.
            if len(asked) == len(self.rows) and list(dict.fromkeys(asked)) == list(map(self._id, self.rows)):
                return self.rows
            self._by_id = dict(zip(map(self._id, self.rows), self.rows, strict=True))
        # Without a step of the interpreter for each: None, where an id was not found, is left out.
        return list(filter(None, map(self._by_id.get, dict.fromkeys(asked))))

    def freshen(self, points: Mapping[str, int]) -> None:
        """Put in points that were computed, by encoded id."""
        self.rows = [(*row[:2], points.get(row[0], row[2]), *row[3:]) for row in self.rows]


class Stored(Struct, frozen=True):
    """What was found: callers by token id (none at all: no such bot), and clients by the two kinds of ids."""

    callers: dict[str, Caller]
    clients: Found
    on_platform: dict[Platform, Found]

    def stale(self) -> set[str]:
        """The encoded ids of the clients whose points have to be computed."""
        return {row[0] for found in (self.clients, *self.on_platform.values()) for row in found.rows if row[2] is None}

    def freshen(self, points: Mapping[str, int]) -> None:
        """Put in points that were computed, by encoded id."""
        for found in (self.clients, *self.on_platform.values()):
            found.freshen(points)


def read(
    reads: Reads,
    bot_id: str,
    token_ids: Collection[str],
    client_ids: Collection[str],
    on_platform: Mapping[Platform, Collection[str]],
    now: int,
) -> Stored:
    """The callers, and the balances of those ids that are a client's, as far as they hold at `now`."""
    rows = reads.together(*queries(bot_id, token_ids, client_ids, on_platform, now))
    return stored(rows, token_ids, client_ids, on_platform)


def queries(
    bot_id: str,
    token_ids: Collection[str],
    client_ids: Collection[str],
    on_platform: Mapping[Platform, Collection[str]],
    now: int,
) -> list[Query]:
    """What the store is asked for that."""
    asked: list[Query] = [("callers_find", {"bot_id": bot_id, "ids": tuple(token_ids)})]
    if client_ids:
        asked.append(("balances_by_client_id", {"bot_id": bot_id, "ids": tuple(client_ids), "now": now}))
    for platform, ids in on_platform.items():
        values = {"bot_id": bot_id, "platform": platform, "ids": tuple(ids), "now": now}
        asked.append(("balances_by_platform", values))
    return asked


def stored(
    rows_of_each: Sequence[list[Row]],
    token_ids: Collection[str],
    client_ids: Collection[str],
    on_platform: Mapping[Platform, Collection[str]],
) -> Stored:
    """What the rows of the queries say."""
    callers, *found = rows_of_each
    return Stored(
        callers=bots.callers(callers, token_ids),
        clients=Found(found.pop(0) if client_ids else [], 0),
        on_platform={platform: Found(rows, 3) for platform, rows in zip(on_platform, found, strict=True)},
    )
