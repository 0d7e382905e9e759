"""Idempotency keys: what each was used for, and what came of it.

An entry never changes, so a key keeps its number only, and whoever comes with the key again is given it as the journal
has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from msgspec import Struct

from remora.model import Entry
from remora.service.orders import Outcome
from remora.storage import accounts
from remora.storage.accounts import EntryName
from remora.storage.database import Transaction
from remora.storage.operations import Operation


class Used(Struct, frozen=True):
    """What a key was used for, as a hash of the request, and what came of it."""

    request_hash: bytes
    outcome: Outcome


class Kept(NamedTuple):
    """What is kept of an order that was carried out: which entry it made, and what that does not say."""

    client_id: str
    seq: int
    available: int
    shortfall: int


_encode = msgspec.json.Encoder().encode
# A refusal is kept whole. So was, by versions before 0007, every outcome.
_decode = msgspec.json.Decoder(Kept | Outcome).decode


def known(tx: Transaction, bot_id: str, operations: Mapping[str, Operation]) -> dict[str, Used]:
    """What keys that were used before stand for."""
    if not operations:
        return {}
    decoded = {key: _decode(operation.answer) for key, operation in operations.items()}
    named = {kept[:2] for kept in decoded.values() if isinstance(kept, Kept)}
    entries = accounts.entries(tx, bot_id, named)
    return {key: Used(operations[key].request_hash, _outcome(kept, entries)) for key, kept in decoded.items()}


def _outcome(kept: Kept | Outcome, entries: Mapping[EntryName, Entry]) -> Outcome:
    if isinstance(kept, Outcome):
        return kept
    client_id, seq, available, shortfall = kept
    return Outcome(client_id, entries[client_id, seq], available, shortfall)


def operation(used: Used) -> Operation:
    """What is to be kept of a key."""
    outcome = used.outcome
    if outcome.entry is None:
        return Operation(used.request_hash, _encode(outcome))
    # A `Kept`, but that is spelled out: to make one takes longer than to encode it.
    kept = outcome.client_id, outcome.entry.seq, outcome.available, outcome.shortfall
    return Operation(used.request_hash, _encode(kept))
