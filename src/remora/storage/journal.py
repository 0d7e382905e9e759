"""Reading journals: page by page, either way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator

from remora.model import NEVER, Entry, Hold, Lot, LotChange
from remora.storage.accounts import entry_of
from remora.storage.database import Transaction
from remora.storage.parameters import array

PAGE = 1_000


def newest(
    tx: Transaction,
    bot_id: str,
    client_id: str,
    *,
    before: int,
    kinds: Collection[str],
    since: int,
    until: int,
    most: int,
) -> list[Entry]:
    """At most `most` entries of some kinds before a seq, with since <= at < until, newest first."""
    rows = tx.all(
        "entries_before",
        bot_id=bot_id,
        client_id=client_id,
        before=before,
        kinds=array(kinds),
        since=since,
        until=until,
        most=most,
    )
    changes: dict[int, list[LotChange]] = defaultdict(list)
    # By name: what a filter leaves over may lie far apart.
    for _, seq, lot_id, points in tx.all(
        "entry_lots_named", bot_id=bot_id, pairs=array((client_id, row[0]) for row in rows)
    ):
        changes[seq].append(LotChange(lot_id, points))
    return [entry_of(row, changes[row[0]]) for row in rows]


def oldest_first(tx: Transaction, bot_id: str, client_id: str, until: int = NEVER) -> Iterator[Entry]:
    """Every entry up to an instant, in a page's memory."""
    after = 0
    while rows := tx.all("entries_after", bot_id=bot_id, client_id=client_id, after=after, until=until, most=PAGE):
        changes: dict[int, list[LotChange]] = defaultdict(list)
        for seq, lot_id, points in tx.all(
            "entry_lots_between", bot_id=bot_id, client_id=client_id, first=rows[0][0], last=rows[-1][0]
        ):
            changes[seq].append(LotChange(lot_id, points))
        yield from (entry_of(row, changes[row[0]]) for row in rows)
        after = rows[-1][0]


def lots(tx: Transaction, bot_id: str, client_id: str, most: int) -> list[Lot]:
    """At most `most` of a client's lots, those with points left first, then the newest."""
    return [Lot(*row) for row in tx.all("lots_of", bot_id=bot_id, client_id=client_id, most=most)]


def holds(tx: Transaction, bot_id: str, client_id: str) -> list[Hold]:
    """A client's holds, ended or not, without their lots."""
    rows = tx.all("holds_of", bot_id=bot_id, client_id=client_id)
    return [Hold(hold_id, points, expires_at, status, ()) for hold_id, points, expires_at, status in rows]


def orphans(tx: Transaction, bot_id: str) -> list[str]:
    """Rows of the ledger that belong to no client, or to no entry, in words."""
    return [f"{count} rows of {table} belong to nothing" for table, count in tx.all("orphans", bot_id=bot_id) if count]
