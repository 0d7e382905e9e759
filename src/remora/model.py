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
    replaced pair of token and secret still works; `expiry_policy`, in `time_zone` (IANA), dates the
    grants that name no date.
    """

    bot_id: str
    name: str
    api_enabled: bool
    overlap_minutes: int
    expiry_policy: str
    time_zone: str
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


class Role(StrEnum):
    """What an operator may do: all there is; change points of their bots; or read them."""

    ADMIN = "admin"
    STAFF = "staff"
    VIEWER = "viewer"


class Operator(Struct, frozen=True):
    """A person who uses the console. `bots` are those they work for; an admin, who works for all, has none here."""

    name: str
    role: Role
    bots: frozenset[str]
    disabled: bool
    created_at: int


class Client(Struct, frozen=True):
    """One person on one platform, as one bot knows them. `client_id` is the encoded id."""

    client_id: str
    platform: Platform
    platform_client_id: str


class Balance(Struct, frozen=True, gc=False):
    """What a client can spend now."""

    platform: Platform
    points: int


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
        """What of the lot no hold reserves."""
        return self.remaining - self.held

    @property
    def turn(self) -> tuple[int, int]:
        """Its place in the order in which lots are used: those that expire first, first."""
        return self.expires_at, self.lot_id

    def is_live(self, now: int) -> bool:
        return self.active_from <= now < self.expires_at


class LotChange(Struct, frozen=True):
    """An allocation: what an entry added to what a lot offers, or took from it."""

    lot_id: int
    points: int


class Hold(Struct, frozen=True):
    """Points reserved of chosen lots until `expires_at`. `lots` are the entry's, so their points are
    negative. An ended hold has another status than "open".
    """

    hold_id: int
    points: int
    expires_at: int
    status: str
    lots: tuple[LotChange, ...]

    @property
    def is_open(self) -> bool:
        return self.status == OPEN


OPEN = "open"

KINDS = ("grant", "start", "spend", "hold", "capture", "release", "timeout", "expire", "reverse")
"""The kinds of entry. `start` and `expire` are what lots do by themselves, `timeout` is what holds do."""

BY_THEMSELVES = frozenset({"start", "timeout", "expire"})


class Entry(Struct, frozen=True):
    """A journal entry: `seq` counts a client's entries from 1 without gaps; `points` is the change of
    `available`, which is the balance after. `at` is when it happened, `recorded_at` when we wrote it
    down. `refers_to` is the hold or entry it is about; `active_from` and `expires_at` are those of the
    lot a grant makes, `expires_at` also that of a hold. `operator` is the person who asked for it, where
    it was one. `hash` covers all of that and the hash of the entry before.
    """

    seq: int
    kind: str
    points: int
    available: int
    at: int
    recorded_at: int
    lots: tuple[LotChange, ...]
    reason: str | None = None
    metadata: dict[str, Any] | None = None
    refers_to: int | None = None
    active_from: int | None = None
    expires_at: int | None = None
    operator: str | None = None
    hash: bytes = b""


class Account(Struct, frozen=True):
    """A client's ledger: the stored numbers, the lots that still have points, and the open holds.

    `settled_at` is the latest instant at which it was written; no later write is dated before it. Of an account in
    which nothing comes due (`next_due_at` is NEVER) the lots may be loaded in part: `loaded_until` is the turn of the
    last that was then, and None if all are there.
    """

    bot_id: str
    client_id: str
    available: int = 0
    held: int = 0
    next_due_at: int = NEVER
    seq: int = 0
    head_hash: bytes = GENESIS
    settled_at: int = 0
    lots: tuple[Lot, ...] = ()
    holds: tuple[Hold, ...] = ()
    loaded_until: tuple[int, int] | None = None


class Reversible(Struct, frozen=True):
    """An entry that is to be reversed, and what was given back to each lot, or taken, before."""

    entry: Entry
    reversed_lots: tuple[LotChange, ...]


class Changes(Struct, frozen=True):
    """What is to be written of one account: its numbers (`account`, without lots and holds), the entries that lead to
    them, oldest first, and the lots and holds that differ from what was loaded. Of a lot that is not new only the
    counters differ.
    """

    account: Account
    entries: tuple[Entry, ...]
    new_lots: tuple[Lot, ...] = ()
    changed_lots: tuple[Lot, ...] = ()
    holds: tuple[Hold, ...] = ()
