"""The records that every layer shares. Points are ints; instants are UTC microseconds."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct

NEVER = 2**63 - 1
"""The instant that does not come: a lot with it never expires. The largest int64, so that it sorts last."""

MAX_POINTS = 2**53 - 1
"""The largest balance: the largest integer that every JSON client reads exactly."""

GENESIS = bytes(32)
"""What the first entry of a client's journal is chained to."""

MICROSECONDS_PER_SECOND = 1_000_000


class Platform(StrEnum):
    """Where a client chats."""

    LINE = "line"
    FACEBOOK = "facebook"
    INSTAGRAM = "instagram"
    LIVE_CHAT = "liveChat"
    WHATSAPP = "whatsapp"


class Bot(Struct, frozen=True):
    """A tenant. `api_enabled` is what the source calls the plan; `overlap_minutes` is how long a
    replaced pair of token and secret still works.
    """

    bot_id: str
    name: str
    api_enabled: bool
    overlap_minutes: int
    created_at: int


class Credential(Struct, frozen=True):
    """What is kept of a pair: `valid_until` is NEVER for the current one, else when it stops working."""

    bot_id: str
    token_id: str
    secret_digest: bytes
    created_at: int
    expires_at: int
    valid_until: int

    def __repr__(self) -> str:
        return f"Credential(bot_id={self.bot_id!r}, token_id={self.token_id!r})"


class Client(Struct, frozen=True):
    """One person on one platform, as one bot knows them. `client_id` is the encoded id."""

    client_id: str
    platform: Platform
    platform_client_id: str


class Balance(Struct, frozen=True):
    """A client's stored answer, under the id it was asked by: `available` is right until `next_due_at`,
    and stale from then on.
    """

    asked_id: str
    client_id: str
    platform: Platform
    available: int
    next_due_at: int


class Lot(Struct, frozen=True):
    """Points granted together. `remaining` of `points` are neither used nor expired, and `held` of
    those are reserved. Live while active_from <= now < expires_at.
    """

    lot_id: int
    points: int
    remaining: int
    held: int
    active_from: int
    expires_at: int

    @property
    def free(self) -> int:
        """What of the lot can still be spent."""
        return self.remaining - self.held


class LotChange(Struct, frozen=True):
    """An allocation: what an entry added to a lot, or took from it."""

    lot_id: int
    points: int


class Entry(Struct, frozen=True):
    """A journal entry: `seq` counts a client's entries from 1 without gaps; `points` is the change of
    `available`, which is the balance after. `at` is when it happened, `recorded_at` when we wrote it
    down. `hash` covers all of that and the hash of the entry before.
    """

    seq: int
    kind: str
    points: int
    available: int
    at: int
    recorded_at: int
    lots: tuple[LotChange, ...]
    reason: str | None
    metadata: dict[str, Any] | None
    hash: bytes


class Account(Struct, frozen=True):
    """A client's ledger: the stored numbers and the lots that still have points.

    `settled_at` is the latest instant at which it was written; no later write is dated before it.
    """

    bot_id: str
    client_id: str
    available: int
    held: int
    next_due_at: int
    seq: int
    head_hash: bytes
    settled_at: int
    lots: tuple[Lot, ...]


class Decision(Struct, frozen=True):
    """What a command comes to: the account after it, and the entries that lead there, oldest first."""

    account: Account
    entries: tuple[Entry, ...] = ()


class Granted(Struct, frozen=True):
    """What a grant answers: its entry, and what the client can spend now."""

    entry: Entry
    available: int
