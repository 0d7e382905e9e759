"""Loading accounts for decisions, and writing what was decided: a handful of statements for any number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec

from remora.model import Account, Entry, Hold, Lot, LotChange, Reversible
from remora.storage.database import Row, Transaction
from remora.storage.parameters import array

EntryName = tuple[str, int]
"""An encoded client id and a seq: an entry, or the hold or lot that it made."""


def open_lots(tx: Transaction, bot_id: str, client_ids: Iterable[str]) -> dict[str, list[Lot]]:
    """The lots that still have points, by encoded client id."""
    lots: dict[str, list[Lot]] = defaultdict(list)
    for client_id, *lot in tx.all("lots_open", bot_id=bot_id, ids=array(client_ids)):
        lots[client_id].append(Lot(*lot))
    return lots


def open_holds(tx: Transaction, bot_id: str, client_ids: Iterable[str]) -> dict[str, list[Hold]]:
    """The open holds, by encoded client id."""
    return _holds(tx.all("holds_open", bot_id=bot_id, ids=array(client_ids)))


def load(
    tx: Transaction,
    bot_id: str,
    client_ids: Collection[str],
    *,
    lock: bool = False,
    holds: Collection[EntryName] = (),
    reversals: Collection[EntryName] = (),
) -> dict[str, Account]:
    """The accounts of those ids that are a client's, each with its open lots and holds; and with the
    holds, and the lots of the entries, that are named, whatever their state. `lock` keeps everyone else
    from changing them until the transaction ends.
    """
    rows = tx.all("accounts_lock" if lock else "accounts_find", bot_id=bot_id, ids=array(client_ids))
    lots, open_ = open_lots(tx, bot_id, client_ids), open_holds(tx, bot_id, client_ids)
    used_up: dict[str, list[Lot]] = defaultdict(list)
    if reversals:
        for client_id, *lot in tx.all("lots_named", bot_id=bot_id, pairs=array(reversals)):
            used_up[client_id].append(Lot(*lot))
    ended = _holds(tx.all("holds_ended", bot_id=bot_id, pairs=array(holds))) if holds else {}
    accounts = {}
    for client_id, available, held, next_due_at, seq, head_hash, settled_at in rows:
        touched = {lot.lot_id: lot for lot in (*lots.get(client_id, ()), *used_up.get(client_id, ()))}
        accounts[client_id] = Account(
            bot_id=bot_id,
            client_id=client_id,
            available=available,
            held=held,
            next_due_at=next_due_at,
            seq=seq,
            head_hash=head_hash,
            settled_at=settled_at,
            lots=tuple(touched.values()),
            holds=(*open_.get(client_id, ()), *ended.get(client_id, ())),
        )
    return accounts


def reversibles(tx: Transaction, bot_id: str, names: Collection[EntryName]) -> dict[EntryName, Reversible]:
    """The named entries that exist, with what was reversed of each so far."""
    if not names:
        return {}
    pairs = array(names)
    lots, before = defaultdict(list), defaultdict(list)
    for client_id, seq, lot_id, points in tx.all("entry_lots_named", bot_id=bot_id, pairs=pairs):
        lots[client_id, seq].append(LotChange(lot_id, points))
    for client_id, seq, lot_id, points in tx.all("reversals_named", bot_id=bot_id, pairs=pairs):
        before[client_id, seq].append(LotChange(lot_id, points))
    found = {}
    for client_id, *row in tx.all("entries_named", bot_id=bot_id, pairs=pairs):
        name = client_id, row[0]
        found[name] = Reversible(entry_of(row, lots[name]), tuple(before[name]))
    return found


Change = tuple[Account, Account, Sequence[Entry]]
"""An account before and after, and the entries that lead from the one to the other."""


def save(tx: Transaction, bot_id: str, changes: Iterable[Change]) -> None:
    """Write accounts of one bot: their entries, and the lots, holds and numbers that differ from before."""
    lots, holds, entries, entry_lots, numbers = [], [], [], [], []
    for before, after, written in changes:
        key = {"client_id": after.client_id}
        # By identity: what was not changed is still the very struct that was loaded.
        known = {id(each) for each in (*before.lots, *before.holds)}
        lots += [{**key, **msgspec.structs.asdict(lot)} for lot in after.lots if id(lot) not in known]
        holds += [{**key, **_hold_row(hold)} for hold in after.holds if id(hold) not in known]
        for entry in written:
            entries.append({**key, **_entry_row(entry)})
            entry_lots += [{**key, "seq": entry.seq, **msgspec.structs.asdict(change)} for change in entry.lots]
        numbers.append({**key, **_numbers(after)})
    tx.run_many("lot_save", bot_id, lots)
    tx.run_many("hold_save", bot_id, holds)
    tx.run_many("entry_add", bot_id, entries)
    tx.run_many("entry_lot_add", bot_id, entry_lots)
    tx.run_many("account_save", bot_id, numbers)


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


def _numbers(account: Account) -> dict[str, object]:
    return {
        "available": account.available,
        "held": account.held,
        "next_due_at": account.next_due_at,
        "seq": account.seq,
        "head_hash": account.head_hash,
        "settled_at": account.settled_at,
    }


def _hold_row(hold: Hold) -> dict[str, object]:
    row = msgspec.structs.asdict(hold)
    del row["lots"]  # they are those of the hold's entry
    return row


def _entry_row(entry: Entry) -> dict[str, object]:
    row = msgspec.structs.asdict(entry)
    del row["lots"]  # they have rows of their own
    if entry.metadata is not None:
        row["metadata"] = msgspec.json.encode(entry.metadata).decode()
    return row
