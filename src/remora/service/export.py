"""Exporting a bot's journal: a line of JSON for each entry, which carries what its hash covers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from remora.model import Entry, LotChange
from remora.service import access
from remora.service.installation import Installation
from remora.storage import journal, rows

PAGE = 200


class Line(msgspec.Struct, frozen=True, rename="camel"):
    """One entry of one client. Instants are UTC microseconds here, exactly as hashed; `hash` is hexadecimal."""

    bot_id: str
    client_id: str
    seq: int
    kind: str
    points: int
    available: int
    at: int
    recorded_at: int
    lots: list[tuple[int, int]]
    reason: str | None
    metadata: dict[str, Any] | None
    refers_to: int | None
    active_from: int | None
    expires_at: int | None
    hash: str
    operator: str | None = None

    def entry(self) -> Entry:
        """The entry. ValueError if the hash is not hexadecimal."""
        return Entry(
            seq=self.seq,
            kind=self.kind,
            points=self.points,
            available=self.available,
            at=self.at,
            recorded_at=self.recorded_at,
            lots=tuple(LotChange(*change) for change in self.lots),
            reason=self.reason,
            metadata=self.metadata,
            refers_to=self.refers_to,
            active_from=self.active_from,
            expires_at=self.expires_at,
            operator=self.operator,
            hash=bytes.fromhex(self.hash),
        )


def export(installation: Installation, bot_id: str) -> Iterator[bytes]:
    """The lines, by client and then from the oldest on. A client's own lines are one snapshot."""
    for client_id, entry in entries(installation, bot_id):
        yield msgspec.json.encode(_line(bot_id, client_id, entry)) + b"\n"


def entries(installation: Installation, bot_id: str) -> Iterator[tuple[str, Entry]]:
    """The entries with their clients' encoded ids, in the order of the lines."""
    with installation.database.read() as tx:
        access.known_bot(tx, bot_id)
    after: str | None = ""
    while after is not None:
        with installation.database.read() as tx:
            page = rows.clients(tx, bot_id, after, PAGE)
            for group in rows.groups(page):
                for client_id, found in journal.of_group(tx, bot_id, group).items():
                    yield from ((client_id, entry) for entry in found)
        after = page[-1].client_id if page else None


def _line(bot_id: str, client_id: str, entry: Entry) -> Line:
    return Line(
        bot_id=bot_id,
        client_id=client_id,
        seq=entry.seq,
        kind=entry.kind,
        points=entry.points,
        available=entry.available,
        at=entry.at,
        recorded_at=entry.recorded_at,
        lots=[(change.lot_id, change.points) for change in entry.lots],
        reason=entry.reason,
        metadata=entry.metadata,
        refers_to=entry.refers_to,
        active_from=entry.active_from,
        expires_at=entry.expires_at,
        hash=entry.hash.hex(),
        operator=entry.operator,
    )
