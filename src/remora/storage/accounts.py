"""Loading accounts for decisions, and writing what was decided: a handful of statements for any number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from remora.model import Account, Changes, Entry, Hold, Lot, LotChange, Reversible
from remora.storage.database import Query, Row, Transaction
from remora.storage.parameters import array

EntryName = tuple[str, int]
"""An encoded client id and a seq: an entry, or the hold or lot that it made."""

NONE_LOADED = (-1, 0)
"""Before the turn of any lot."""

NUMBERS = ("client_id", "available", "held", "next_due_at", "seq", "head_hash", "settled_at")
LOT = ("client_id", "lot_id", "points", "remaining", "held", "active_from", "expires_at")
HOLD = ("client_id", "hold_id", "points", "expires_at", "status")
ENTRY = (
    *("client_id", "seq", "kind", "points", "available", "at", "recorded_at", "reason", "metadata", "refers_to"),
    *("active_from", "expires_at", "operator", "hash"),
)
ENTRY_LOT = ("client_id", "seq", "lot_id", "points")


def open_lots(tx: Transaction, bot_id: str, client_ids: Iterable[str]) -> dict[str, list[Lot]]:
    """The lots that still have points, by encoded client id."""
    return _lots(tx.all("lots_open", bot_id=bot_id, ids=array(client_ids)))


def open_holds(tx: Transaction, bot_id: str, client_ids: Iterable[str]) -> dict[str, list[Hold]]:
    """The open holds, by encoded client id."""
    return _holds(tx.all("holds_open", bot_id=bot_id, ids=array(client_ids)))


def load(tx: Transaction, bot_id: str, client_ids: Collection[str], *, lock: bool = False) -> dict[str, Account]:
    """The accounts of those ids that are a client's, each with its open lots and holds. `lock` keeps everyone else
    from changing them until the transaction ends.
    """
    query = "accounts_lock" if lock else "accounts_find"
    [rows] = tx.together((query, {"bot_id": bot_id, "ids": tuple(client_ids)}))
    return whole(tx, bot_id, numbers(bot_id, rows))


def numbers(bot_id: str, rows: Iterable[Row]) -> dict[str, Account]:
    """The accounts of rows of `accounts_lock`, by encoded client id, without holds; no lot is loaded yet."""
    return {
        client_id: Account(
            bot_id, client_id, available, held, next_due_at, seq, head_hash, settled_at, (), (), NONE_LOADED
        )
        for client_id, available, held, next_due_at, seq, head_hash, settled_at in rows
    }


def whole(
    tx: Transaction,
    bot_id: str,
    known: Mapping[str, Account],
    *,
    holds: Collection[EntryName] = (),
    reversals: Collection[EntryName] = (),
) -> dict[str, Account]:
    """These accounts, each with its open lots and holds; and with the holds, and the lots of the entries, that are
    named, whatever their state.
    """
    if not known:
        return {}
    queries: list[Query] = [
        ("lots_open", {"bot_id": bot_id, "ids": array(known)}),
        ("holds_open", {"bot_id": bot_id, "ids": array(known)}),
    ]
    if reversals:
        queries.append(("lots_named", {"bot_id": bot_id, "pairs": array(reversals)}))
    if holds:
        queries.append(("holds_ended", {"bot_id": bot_id, "pairs": array(holds)}))
    open_, held, *others = tx.together(*queries)
    # A lot that an entry touched may be open too.
    lots = _lots({row[:2]: row for row in (*open_, *others.pop(0))}.values() if reversals else open_)
    held_by, ended = _holds(held), _holds(others.pop(0)) if holds else {}
    return {
        client_id: replace(
            account,
            lots=tuple(lots.get(client_id, ())),
            holds=(*held_by.get(client_id, ()), *ended.get(client_id, ())),
            loaded_until=None,
        )
        for client_id, account in known.items()
    }


def in_part(tx: Transaction, bot_id: str, known: Mapping[str, Account], most: int) -> dict[str, Account]:
    """These accounts, in which nothing comes due, so that none has an open hold; each with the first of its lots in
    the order of use, `most` of them.
    """
    if not known:
        return {}
    lots = _lots(tx.all("lots_first", bot_id=bot_id, ids=array(known), most=most))
    return {client_id: _in_part(account, lots.get(client_id, ()), most) for client_id, account in known.items()}


def _in_part(account: Account, lots: Sequence[Lot], most: int) -> Account:
    if len(lots) < most:
        return replace(account, lots=tuple(lots), loaded_until=None)
    return replace(account, lots=tuple(lots), loaded_until=max(lot.turn for lot in lots))


def reversibles(tx: Transaction, bot_id: str, names: Collection[EntryName]) -> dict[EntryName, Reversible]:
    """The named entries that exist, with what was reversed of each so far."""
    if not names:
        return {}
    before = defaultdict(list)
    for client_id, seq, lot_id, points in tx.all("reversals_named", bot_id=bot_id, pairs=array(names)):
        before[client_id, seq].append(LotChange(lot_id, points))
    found = entries(tx, bot_id, names)
    return {name: Reversible(entry, tuple(before[name])) for name, entry in found.items()}


def entries(tx: Transaction, bot_id: str, names: Collection[EntryName]) -> dict[EntryName, Entry]:
    """The named entries that exist."""
    if not names:
        return {}
    asked = {"bot_id": bot_id, "pairs": array(names)}
    found, touched = tx.together(("entries_named", asked), ("entry_lots_named", asked))
    lots = defaultdict(list)
    for client_id, seq, lot_id, points in touched:
        lots[client_id, seq].append(LotChange(lot_id, points))
    return {(client_id, row[0]): entry_of(row, lots[client_id, row[0]]) for client_id, *row in found}


def save(tx: Transaction, bot_id: str, changes: Iterable[Changes]) -> None:
    """Write what has changed of accounts of one bot, by their ids: rows that lie together are written together."""
    by_id = sorted({each.account.client_id: each for each in changes}.items())
    lots = [lot_row(client_id, lot) for client_id, each in by_id for lot in each.new_lots]
    changed = [lot_row(client_id, lot) for client_id, each in by_id for lot in each.changed_lots]
    holds = [_hold_row(client_id, hold) for client_id, each in by_id for hold in each.holds]
    entries = [(client_id, entry) for client_id, each in by_id for entry in each.entries]
    touched = [
        (client_id, entry.seq, change.lot_id, change.points)
        for client_id, entry in entries
        for change in entry.lots
        if change.lot_id != entry.seq  # that a grant touched the lot that it made, the lot says
    ]
    tx.run_many("lot_add", bot_id, LOT, lots)
    tx.run_many("lot_save", bot_id, LOT, changed)
    tx.run_many("hold_save", bot_id, HOLD, holds)
    tx.run_many("entry_add", bot_id, ENTRY, [entry_row(client_id, entry) for client_id, entry in entries])
    tx.run_many("entry_lot_add", bot_id, ENTRY_LOT, touched)
    tx.run_many("account_save", bot_id, NUMBERS, [_numbers_row(each.account) for _, each in by_id])


def entry_of(row: Sequence[Any], lots: Iterable[LotChange]) -> Entry:
    """An entry of a row that begins with its seq."""
    seq, kind, points, available, at, recorded_at, reason, metadata, refers_to, active_from, expires_at, *sealed = row
    return Entry(
        seq,
        kind,
        points,
        available,
        at,
        recorded_at,
        tuple(lots),
        reason,
        None if metadata is None else msgspec.json.decode(metadata),
        refers_to,
        active_from,
        expires_at,
        *sealed,
    )


def _holds(rows: Iterable[Row]) -> dict[str, list[Hold]]:
    """One row for each lot that a hold reserves points of."""
    lots: dict[Row, list[LotChange]] = defaultdict(list)
    for *hold, lot_id, points in rows:
        lots[tuple(hold)].append(LotChange(lot_id, points))
    holds: dict[str, list[Hold]] = defaultdict(list)
    for (client_id, *hold), changes in lots.items():
        hold_id, points, expires_at, status = hold
        holds[client_id].append(Hold(hold_id, points, expires_at, status, tuple(changes)))
    return holds


def _lots(rows: Iterable[Row]) -> dict[str, list[Lot]]:
    lots: dict[str, list[Lot]] = {}
    for client_id, lot_id, points, remaining, held, active_from, expires_at in rows:
        lot = Lot(lot_id, points, remaining, held, active_from, expires_at)
        if client_id in lots:
            lots[client_id].append(lot)
        else:
            lots[client_id] = [lot]
    return lots


# Each row is spelled out, for this is done for every entry, and to name its fields in a list took twice as long.


def lot_row(client_id: str, lot: Lot) -> Row:
    """A row of `LOT`."""
    return client_id, lot.lot_id, lot.points, lot.remaining, lot.held, lot.active_from, lot.expires_at


def _hold_row(client_id: str, hold: Hold) -> Row:
    """A row of `HOLD`: without its lots, which are those of its entry."""
    return client_id, hold.hold_id, hold.points, hold.expires_at, hold.status


def entry_row(client_id: str, entry: Entry) -> Row:
    """A row of `ENTRY`: without its lots, which have rows of their own."""
    return (
        client_id,
        entry.seq,
        entry.kind,
        entry.points,
        entry.available,
        entry.at,
        entry.recorded_at,
        entry.reason,
        None if entry.metadata is None else msgspec.json.encode(entry.metadata).decode(),
        entry.refers_to,
        entry.active_from,
        entry.expires_at,
        entry.operator,
        entry.hash,
    )


def _numbers_row(account: Account) -> Row:
    return (
        account.client_id,
        account.available,
        account.held,
        account.next_due_at,
        account.seq,
        account.head_hash,
        account.settled_at,
    )
