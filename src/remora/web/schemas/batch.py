"""Batches: many orders in one call."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from remora.web.schemas import orders
from remora.web.schemas.common import Secret, Time
from remora.web.schemas.orders import EntryInfo, Key

MAX_OPERATIONS = 1_000


class Mode(StrEnum):
    """Whether a refused operation stops the others."""

    INDEPENDENT = "independent"
    ATOMIC = "atomic"


class GrantOperation(orders.Grant, frozen=True, rename="camel", kw_only=True, tag_field="kind", tag="grant"):
    """A grant in a batch."""

    key: Key


class SpendOperation(orders.Spend, frozen=True, rename="camel", kw_only=True, tag_field="kind", tag="spend"):
    """A spend in a batch."""

    key: Key


class HoldOperation(orders.Hold, frozen=True, rename="camel", kw_only=True, tag_field="kind", tag="hold"):
    """A hold in a batch."""

    key: Key


class CaptureOperation(orders.Capture, frozen=True, rename="camel", kw_only=True, tag_field="kind", tag="capture"):
    """A capture in a batch."""

    key: Key


class ReleaseOperation(orders.Release, frozen=True, rename="camel", kw_only=True, tag_field="kind", tag="release"):
    """A release in a batch."""

    key: Key


class ReverseOperation(orders.Reverse, frozen=True, rename="camel", kw_only=True, tag_field="kind", tag="reverse"):
    """A reversal in a batch."""

    key: Key


Operation = GrantOperation | SpendOperation | HoldOperation | CaptureOperation | ReleaseOperation | ReverseOperation


class BatchRequest(Struct, frozen=True, rename="camel", kw_only=True):
    """Up to 1,000 operations, each with its kind and key, in the order in which they are to be carried out."""

    secret: Secret
    # Raw: one that is wrong is its own refusal, and no fault of its neighbours.
    operations: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=MAX_OPERATIONS)]
    mode: Annotated[Mode, Meta(description="atomic: all are carried out, or none.")] = Mode.INDEPENDENT
    dry_run: orders.DryRun = False


class Result(StrEnum):
    """What came of an operation."""

    DONE = "done"
    REFUSED = "refused"


class OperationResult(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """What came of one operation; a refused one has a code and a message. `replayed` is there, and true,
    if its key had that answer already.
    """

    index: int
    outcome: Result
    replayed: bool = False
    code: int | UnsetType = UNSET
    message: str | UnsetType = UNSET
    entry: EntryInfo | UnsetType = UNSET
    available: int | UnsetType = UNSET
    hold_id: str | UnsetType = UNSET
    expires_at: Time | UnsetType = UNSET
    shortfall: int | UnsetType = UNSET


class BatchResponse(Struct, frozen=True, rename="camel"):
    """A result for each operation, in their order."""

    success: bool
    message: str
    results: list[OperationResult]


def operation_schemas(ref_template: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """JSON Schemas of the operations, which `BatchRequest` takes raw: references, and what they refer to."""
    (schema,), components = msgspec.json.schema_components([Operation], ref_template=ref_template)
    return list(schema["anyOf"]), components
