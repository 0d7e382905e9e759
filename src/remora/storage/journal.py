"""Reading journals: page by page, either way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from remora.model import NEVER, Entry, Lot, LotChange
from remora.storage import rows
from remora.storage.accounts import entry_of
from remora.storage.database import Row, Transaction
from remora.storage.parameters import array
from remora.storage.rows import ClientRow

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
    found = tx.all(
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
        "entry_lots_named", bot_id=bot_id, pairs=array((client_id, row[0]) for row in found)
    ):
        changes[seq].append(LotChange(lot_id, points))
    return [entry_of(row, changes[row[0]]) for row in found]


def oldest_first(tx: Transaction, bot_id: str, client_id: str, until: int = NEVER) -> Iterator[Entry]:
    """Every entry up to an instant, in a page's memory."""
    after = 0
    while page := tx.all("entries_after", bot_id=bot_id, client_id=client_id, after=after, until=until, most=PAGE):
        changes: dict[int, list[LotChange]] = defaultdict(list)
        for seq, lot_id, points in tx.all(
            "entry_lots_between", bot_id=bot_id, client_id=client_id, first=page[0][0], last=page[-1][0]
        ):
            changes[seq].append(LotChange(lot_id, points))
        yield from (entry_of(row, changes[row[0]]) for row in page)
        after = page[-1][0]


def of_group(tx: Transaction, bot_id: str, group: Sequence[ClientRow]) -> dict[str, Iterator[Entry]]:
    """Every entry of the clients of a group (see `rows.groups`), oldest first, by encoded id. One that cannot be read
    raises msgspec.DecodeError when its turn comes.
    """
    if len(group) == 1 and group[0].seq > rows.GROUP_ENTRIES:
        return {group[0].client_id: oldest_first(tx, bot_id, group[0].client_id)}
    # Whatever there is, and not only what the client's own number says.
    spans = [(row.client_id, -NEVER, NEVER) for row in group]
    entries: dict[str, list[Row]] = defaultdict(list)
    changes: dict[tuple[str, int], list[LotChange]] = defaultdict(list)
    for client_id, *entry in rows.entries(tx, bot_id, spans):
        entries[client_id].append(tuple(entry))
    for client_id, seq, lot_id, points in rows.entry_lots(tx, bot_id, spans):
        changes[client_id, seq].append(LotChange(lot_id, points))

    def read(client_id: str) -> Iterator[Entry]:
        return (entry_of(entry, changes[client_id, entry[0]]) for entry in entries[client_id])

    return {row.client_id: read(row.client_id) for row in group}


def lots(tx: Transaction, bot_id: str, client_id: str, most: int) -> list[Lot]:
    """At most `most` of a client's lots, those with points left first, then the newest."""
    return [Lot(*row) for row in tx.all("lots_of", bot_id=bot_id, client_id=client_id, most=most)]


def orphans(tx: Transaction, bot_id: str) -> list[str]:
    """Rows of the ledger that belong to no client, or to no entry, in words."""
    return [f"{count} rows of {table} belong to nothing" for table, count in tx.all("orphans", bot_id=bot_id) if count]
