"""Loading an account for a decision, and writing what was decided."""

from __future__ import annotations

import msgspec

from remora.model import Account, Decision, Entry
from remora.storage.clients import open_lots
from remora.storage.database import Transaction


def load(tx: Transaction, bot_id: str, client_id: str) -> Account | None:
    """The client's ledger with its open lots; None if the bot has no such client."""
    row = tx.one("account_find", bot_id=bot_id, client_id=client_id)
    if row is None:
        return None
    lots = open_lots(tx, bot_id, [client_id]).get(client_id, [])
    available, held, next_due_at, seq, head_hash, settled_at = row
    return Account(bot_id, client_id, available, held, next_due_at, seq, head_hash, settled_at, lots=tuple(lots))


def save(tx: Transaction, decision: Decision) -> None:
    """Write the entries, the lots they touched, and the client's numbers."""
    account = decision.account
    key = {"bot_id": account.bot_id, "client_id": account.client_id}
    touched = {change.lot_id for entry in decision.entries for change in entry.lots}
    tx.run_many(
        "lot_save",
        [{**key, **msgspec.structs.asdict(lot)} for lot in account.lots if lot.lot_id in touched],
    )
    for entry in decision.entries:
        tx.run("entry_add", **key, **_entry_row(entry))
        tx.run_many(
            "entry_lot_add",
            [{**key, "seq": entry.seq, "lot_id": change.lot_id, "points": change.points} for change in entry.lots],
        )
    tx.run(
        "account_save",
        **key,
        available=account.available,
        held=account.held,
        next_due_at=account.next_due_at,
        seq=account.seq,
        head_hash=account.head_hash,
        settled_at=account.settled_at,
    )


def _entry_row(entry: Entry) -> dict[str, object]:
    row = msgspec.structs.asdict(entry)
    del row["lots"]  # they have rows of their own
    if entry.metadata is not None:
        row["metadata"] = msgspec.json.encode(entry.metadata).decode()
    return row
