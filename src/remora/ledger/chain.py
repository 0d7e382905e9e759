"""The chain of hashes: each entry's is made of the one before, so that no entry can be changed or left out unseen."""

from __future__ import annotations

import hashlib

import msgspec

from remora.model import Entry

# Deterministic order: metadata reads the same from any store, whatever order its keys come back in.
_canonical = msgspec.json.Encoder(order="deterministic")


def chain_hash(previous: bytes, bot_id: str, client_id: str, entry: Entry) -> bytes:
    """SHA-256 over the hash before and every field of the entry but its own hash, in a fixed order. Without an operator
    it is what it was before there were any.
    """
    fields: tuple[object, ...] = (
        bot_id,
        client_id,
        entry.seq,
        entry.kind,
        entry.points,
        entry.available,
        entry.at,
        entry.recorded_at,
        [(change.lot_id, change.points) for change in entry.lots],
        entry.reason,
        entry.metadata,
        entry.refers_to,
        entry.active_from,
        entry.expires_at,
    )
    if entry.operator is not None:
        fields += (entry.operator,)
    return hashlib.sha256(previous + _canonical.encode(fields)).digest()
