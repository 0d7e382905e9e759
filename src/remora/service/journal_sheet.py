"""A bot's journal as a CSV file for people: a row for each entry, its instants and ids as the API writes them."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from remora import rfc3339
from remora.model import NEVER, Entry
from remora.service.cells import Cell, csv_lines
from remora.service.export import entries
from remora.service.installation import Installation
from remora.service.orders import entry_id

COLUMNS = (
    *("clientId", "entryId", "kind", "points", "available", "at", "recordedAt", "reason", "metadata", "refersTo"),
    *("activeFrom", "expiresAt", "lots", "operator", "hash"),
)


def as_csv(installation: Installation, bot_id: str, *, bom: bool = False) -> Iterator[bytes]:
    """The rows, by client and then from the oldest on. `lots` has a `lot:points` for each lot that an entry moved
    points of, parted by spaces.
    """
    return csv_lines(COLUMNS, (_cells(*each) for each in entries(installation, bot_id)), bom=bom)


def _cells(client_id: str, entry: Entry) -> list[Cell]:
    return [
        client_id,
        entry_id(client_id, entry.seq),
        entry.kind,
        entry.points,
        entry.available,
        rfc3339.render(entry.at),
        rfc3339.render(entry.recorded_at),
        entry.reason,
        None if entry.metadata is None else msgspec.json.encode(entry.metadata).decode(),
        None if entry.refers_to is None else entry_id(client_id, entry.refers_to),
        _time(entry.active_from),
        _time(entry.expires_at),
        " ".join(f"{entry_id(client_id, change.lot_id)}:{change.points}" for change in entry.lots),
        entry.operator,
        entry.hash.hex(),
    ]


def _time(instant: int | None) -> str | None:
    return None if instant in (None, NEVER) else rfc3339.render(instant)
