"""Orders: a command, for whom, and under which idempotency key; and what comes of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from remora.errors import InvalidField, LedgerRefusal, Refusal, revive
from remora.ledger.commands import Command
from remora.model import Entry, Platform
from remora.service import fields
from remora.storage.clients import PlatformPair

_canonical = msgspec.json.Encoder(order="deterministic")


class Who(Struct, frozen=True):
    """The client: by encoded id, or by platform and the platform's id, and then made if asked for."""

    client_id: str | None = None
    platform: Platform | None = None
    platform_client_id: str | None = None
    create: bool = False

    @property
    def pair(self) -> PlatformPair | None:
        """Platform and platform's id, where the client is named so."""
        if self.platform is None or self.platform_client_id is None:
            return None
        return self.platform, self.platform_client_id

    def known(self, client_ids: Mapping[PlatformPair, str]) -> str | None:
        """The encoded id, which `client_ids` tell of those that are named by platform."""
        if self.platform is None or self.platform_client_id is None:
            return self.client_id
        return client_ids.get((self.platform, self.platform_client_id))


class Order(Struct, frozen=True):
    """One command for one client. With a key, the same order is carried out once, however often it comes."""

    who: Who
    command: Command
    key: str | None = None
    about: str | None = None
    """Whose entry or hold the command names, where its id says so; it must be this client's."""
    operator: str | None = None
    """The person who asks for it, to be noted in the journal. The key does not depend on who asks."""

    @property
    def request_hash(self) -> bytes:
        """SHA-256 of what is asked for: two orders with one key must have the same."""
        return hashlib.sha256(_canonical.encode((self.who, self.command, self.about))).digest()


class Refused(Struct, frozen=True, omit_defaults=True):
    """A refusal as it is kept under a key."""

    code: int
    message: str
    available: int | None = None
    shortfall: int | None = None


class Outcome(Struct, frozen=True, omit_defaults=True):
    """What came of an order: the entry it made and what is available then, or a refusal. `replayed`
    says that it had come of an earlier order with the same key; it is not kept.
    """

    client_id: str | None = None
    entry: Entry | None = None
    available: int = 0
    shortfall: int = 0
    refusal: Refused | None = None
    replayed: bool = False

    def done(self) -> Done:
        """What was done, or the refusal raised."""
        if self.refusal is not None:
            raise revive(self.refusal.code, self.refusal.message, self.refusal.available, self.refusal.shortfall)
        assert self.entry is not None
        assert self.client_id is not None
        return Done(self.client_id, self.entry, self.available, self.shortfall)


class Done(Struct, frozen=True):
    """An order that was carried out."""

    client_id: str
    entry: Entry
    available: int
    shortfall: int


class Job(Struct, frozen=True):
    """Orders that came together. `atomic` ones are all carried out, or none; of a dry run everything is
    decided, and none is carried out. With a `token_id` they are refused where that token is no more let in.
    """

    orders: tuple[Order, ...]
    atomic: bool = False
    dry_run: bool = False
    token_id: str | None = None


def refused(refusal: Refusal) -> Outcome:
    """The outcome of a refusal."""
    available = refusal.available if isinstance(refusal, LedgerRefusal) else None
    shortfall = refusal.shortfall if isinstance(refusal, LedgerRefusal) else None
    return Outcome(refusal=Refused(refusal.code, refusal.message, available, shortfall))


def check(order: Order) -> Order:
    """Raise InvalidField unless the order's texts are within their bounds and it names one client in one way."""
    if order.key is not None:
        fields.key(order.key)
    reason = getattr(order.command, "reason", None)
    if reason is not None:
        fields.text("reason", reason)
    metadata = getattr(order.command, "metadata", None)
    if metadata is not None:
        fields.metadata(metadata)
    who = order.who
    if (who.client_id is None) == (who.platform is None):
        raise InvalidField("clientId, or platform with platformClientId, is required: one of the two ways")
    if (who.platform is None) != (who.platform_client_id is None):
        raise InvalidField("platform and platformClientId need each other")
    if who.platform_client_id is not None:
        fields.text("platformClientId", who.platform_client_id, fields.MAX_PLATFORM_CLIENT_ID)
    elif who.create:
        raise InvalidField("createClient needs platform and platformClientId")
    return order


def entry_id(client_id: str, seq: int) -> str:
    """The id under which an entry, and the lot or hold that it made, is known outside."""
    return f"{client_id}-{seq}"


def named(given: str) -> tuple[str, int]:
    """The client and the seq that an entry's id says; a seq of 0, which no entry has, if it is not an id."""
    client_id, _, seq = given.rpartition("-")
    known = seq.isascii() and seq.isdigit() and len(seq) < 19  # noqa: PLR2004 (19 digits may pass int64)
    return client_id, int(seq) if known else 0
