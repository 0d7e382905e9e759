"""Orders: what changes points. Each kind stands alone as a call's body, and as an operation of a batch."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from remora import rfc3339
from remora.ledger import commands
from remora.ledger.commands import DEFAULT_HOLD_SECONDS, MAX_HOLD_SECONDS, Command
from remora.model import Entry
from remora.service.fields import MAX_KEY, MAX_TEXT
from remora.service.orders import Order, Who, check, entry_id, named
from remora.web.schemas.common import OneClient, Points, Secret, Time, instant

Reason = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT, description="Why, for whoever explains the balance.")]
Metadata = Annotated[dict[str, Any], Meta(description="Whatever you like to find again: at most 4096 bytes of JSON.")]
DryRun = Annotated[bool, Meta(description="Decide for real, and change nothing.")]
EntryId = Annotated[str, Meta(min_length=1, max_length=100)]


class Grant(OneClient, frozen=True, rename="camel", kw_only=True):
    """Give points. Without `expiresAt` the bot's expiry policy dates them."""

    points: Points
    expires_at: Time | UnsetType = UNSET
    active_from: Time | UnsetType = UNSET
    reason: Reason | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET
    create_client: Annotated[bool, Meta(description="Make the client if the platform's id is new.")] = False

    def who(self) -> Who:
        return Who(self.client_id or None, self.platform or None, self.platform_client_id or None, self.create_client)

    def command(self) -> Command:
        return commands.Grant(
            self.points,
            instant("expiresAt", self.expires_at),
            instant("activeFrom", self.active_from),
            self.reason or None,
            _given(self.metadata),
        )


class Spend(OneClient, frozen=True, rename="camel", kw_only=True):
    """Use points: of the lots that expire first, all or nothing."""

    points: Points
    reason: Reason | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET

    def command(self) -> Command:
        return commands.Spend(self.points, self.reason or None, _given(self.metadata))


class Hold(OneClient, frozen=True, rename="camel", kw_only=True):
    """Reserve points until a capture or a release, or until the time is out."""

    points: Points
    timeout_seconds: Annotated[int, Meta(ge=1, le=MAX_HOLD_SECONDS)] = DEFAULT_HOLD_SECONDS
    reason: Reason | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET

    def command(self) -> Command:
        return commands.Hold(self.points, self.timeout_seconds, self.reason or None, _given(self.metadata))


class Capture(OneClient, frozen=True, rename="camel", kw_only=True):
    """Use what a hold reserves, or `points` of it; the rest is released."""

    hold_id: EntryId
    points: Points | UnsetType = UNSET

    def about(self) -> str:
        return named(self.hold_id)[0]

    def command(self) -> Command:
        return commands.Capture(named(self.hold_id)[1], self.points or None)


class Release(OneClient, frozen=True, rename="camel", kw_only=True):
    """End a hold, and use nothing."""

    hold_id: EntryId

    def about(self) -> str:
        return named(self.hold_id)[0]

    def command(self) -> Command:
        return commands.Release(named(self.hold_id)[1])


class Reverse(OneClient, frozen=True, rename="camel", kw_only=True):
    """Undo a grant, a spend or a capture, or `points` of it, until all of it is undone."""

    entry_id: EntryId
    points: Points | UnsetType = UNSET
    shortfall: Annotated[
        commands.OnShortfall,
        Meta(description="What to do if a grant's points were used: refuse, or take what is left."),
    ] = commands.OnShortfall.REFUSE
    reason: Reason | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET

    def about(self) -> str:
        return named(self.entry_id)[0]

    def command(self) -> Command:
        return commands.Reverse(
            named(self.entry_id)[1],
            self.points or None,
            self.shortfall,
            self.reason or None,
            _given(self.metadata),
        )


class GrantRequest(Grant, frozen=True, rename="camel", kw_only=True):
    """Give points. Without `expiresAt` the bot's expiry policy dates them."""

    secret: Secret
    dry_run: DryRun = False


class SpendRequest(Spend, frozen=True, rename="camel", kw_only=True):
    """Use points: of the lots that expire first, all or nothing."""

    secret: Secret
    dry_run: DryRun = False


class HoldRequest(Hold, frozen=True, rename="camel", kw_only=True):
    """Reserve points until a capture or a release, or until the time is out."""

    secret: Secret
    dry_run: DryRun = False


class CaptureRequest(Capture, frozen=True, rename="camel", kw_only=True):
    """Use what a hold reserves, or `points` of it; the rest is released."""

    secret: Secret
    dry_run: DryRun = False


class ReleaseRequest(Release, frozen=True, rename="camel", kw_only=True):
    """End a hold, and use nothing."""

    secret: Secret
    dry_run: DryRun = False


class ReverseRequest(Reverse, frozen=True, rename="camel", kw_only=True):
    """Undo a grant, a spend or a capture, or `points` of it, until all of it is undone."""

    secret: Secret
    dry_run: DryRun = False


OrderRequest = GrantRequest | SpendRequest | HoldRequest | CaptureRequest | ReleaseRequest | ReverseRequest

AnyOrder = Grant | Spend | Hold | Capture | Release | Reverse

Key = Annotated[str, Meta(min_length=1, max_length=MAX_KEY, description="The idempotency key of this operation.")]


def order(asked: AnyOrder, key: str) -> Order:
    """The service's order, or InvalidField."""
    return check(Order(asked.who(), asked.command(), key, asked.about()))


class LotChangeInfo(Struct, frozen=True, rename="camel"):
    """How many points an entry added to what a lot offers, or took from it."""

    lot_id: str
    points: int


class EntryInfo(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A journal entry. `points` is the change of `available`, which is the balance after."""

    entry_id: str
    kind: Annotated[str, Meta(description="grant, start, spend, hold, capture, release, timeout, expire or reverse.")]
    points: int
    available: int
    at: Time
    lots: list[LotChangeInfo]
    reason: str | UnsetType = UNSET
    metadata: dict[str, Any] | UnsetType = UNSET
    refers_to: (
        Annotated[str, Meta(description="The hold that this ended, or the entry that this reversed.")] | UnsetType
    ) = UNSET


class OrderResponse(Struct, frozen=True, rename="camel"):
    """What was done, and what the client can spend now."""

    success: bool
    message: str
    entry: EntryInfo
    available: int


class HoldResponse(Struct, frozen=True, rename="camel"):
    """The hold, and what the client can spend beside it."""

    success: bool
    message: str
    hold_id: str
    expires_at: Time
    available: int


class ReverseResponse(Struct, frozen=True, rename="camel"):
    """What was undone. `shortfall` is what could not be taken back."""

    success: bool
    message: str
    entry: EntryInfo
    available: int
    shortfall: int


def entry_info(client_id: str, entry: Entry) -> EntryInfo:
    """An entry as the wire has it."""
    return EntryInfo(
        entry_id=entry_id(client_id, entry.seq),
        kind=entry.kind,
        points=entry.points,
        available=entry.available,
        at=rfc3339.render(entry.at),
        lots=[LotChangeInfo(entry_id(client_id, change.lot_id), change.points) for change in entry.lots],
        reason=entry.reason or UNSET,
        metadata=UNSET if entry.metadata is None else entry.metadata,
        refers_to=UNSET if entry.refers_to is None else entry_id(client_id, entry.refers_to),
    )


def hold_expiry(entry: Entry) -> str:
    """When the hold that an entry made times out."""
    assert entry.expires_at is not None, "a hold has an end"
    return rfc3339.render(entry.expires_at)


def _given(metadata: dict[str, Any] | UnsetType) -> dict[str, Any] | None:
    return None if metadata is UNSET else metadata
