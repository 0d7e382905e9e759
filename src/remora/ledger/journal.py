"""Writing to an account's journal: the sequence, the balance after, and the hash chain."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from msgspec.structs import replace

from remora.model import Account, Decision, Entry, LotChange

# Deterministic order: metadata reads the same from any store, whatever order its keys come back in.
_canonical = msgspec.json.Encoder(order="deterministic")


def append(
    decision: Decision,
    *,
    kind: str,
    points: int,
    at: int,
    recorded_at: int,
    lots: tuple[LotChange, ...],
    reason: str | None = None,
    metadata: dict[str, Any] | None = None,
) -> Decision:
    """Add one entry that changes `available` by `points`; the lots themselves are the caller's to change."""
    account = decision.account
    unsealed = Entry(
        seq=account.seq + 1,
        kind=kind,
        points=points,
        available=account.available + points,
        at=at,
        recorded_at=recorded_at,
        lots=lots,
        reason=reason,
        metadata=metadata,
        hash=b"",
    )
    entry = replace(unsealed, hash=chain_hash(account.head_hash, account, unsealed))
    written = replace(
        account,
        seq=entry.seq,
        available=entry.available,
        head_hash=entry.hash,
        settled_at=max(account.settled_at, recorded_at),
    )
    return Decision(written, (*decision.entries, entry))


def chain_hash(previous: bytes, account: Account, entry: Entry) -> bytes:
    """SHA-256 over the hash before and every field of the entry but its own hash, in a fixed order."""
    fields = (
        account.bot_id,
        account.client_id,
        entry.seq,
        entry.kind,
        entry.points,
        entry.available,
        entry.at,
        entry.recorded_at,
        sorted((change.lot_id, change.points) for change in entry.lots),
        entry.reason,
        entry.metadata,
    )
    return hashlib.sha256(previous + _canonical.encode(fields)).digest()
