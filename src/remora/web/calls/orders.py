"""Changing points: grant, spend, hold, capture, release, reverse."""

from __future__ import annotations

from msgspec import Struct

from remora import errors
from remora.errors import InvalidField, Refusal
from remora.service import fields
from remora.service.orders import Done, entry_id
from remora.web.endpoint import COMMON_REFUSALS, About, Call, writes
from remora.web.errors import LedgerErrorResponse
from remora.web.schemas import orders as schemas
from remora.web.schemas.orders import HoldResponse, OrderRequest, OrderResponse, ReverseResponse, entry_info

KEY_HEADER = b"idempotency-key"

DRY_RUN = "Dry run: nothing was changed"


def about(summary: str, description: str, body: type[Struct], answer: type[Struct], *refusals: type[Refusal]) -> About:
    """What all orders have in common."""
    return About(
        summary=summary,
        description=(
            f"{description}\n\nThe header `Idempotency-Key` is needed. The same key with the same body gets the first "
            "answer again, refusals included, with the header `Idempotent-Replayed: true`; with another body it gets "
            "409. With `dryRun` it is decided for real, and nothing is changed. An answer of 200 is on disk."
        ),
        tag="Ledger",
        body=body,
        answer=answer,
        success="It was done.",
        refusals=(*COMMON_REFUSALS, errors.NoClientFound, errors.KeyReused, *refusals, errors.StoreUnavailable),
        envelope=LedgerErrorResponse,
        needs_key=True,
    )


@writes(
    about(
        "Grant points",
        "The points become a lot, which expires at `expiresAt`, or when the bot's policy says.",
        schemas.GrantRequest,
        OrderResponse,
        errors.BalanceOutOfRange,
    ),
    gives_orders=True,
)
async def grant(call: Call, asked: schemas.GrantRequest) -> OrderResponse:
    return await _ordered(call, asked, "Grant client points successfully")


@writes(
    about(
        "Spend points",
        "Uses points of the lots that expire first, all or nothing.",
        schemas.SpendRequest,
        OrderResponse,
        errors.InsufficientPoints,
    ),
    gives_orders=True,
)
async def spend(call: Call, asked: schemas.SpendRequest) -> OrderResponse:
    return await _ordered(call, asked, "Spend client points successfully")


@writes(
    about(
        "Hold points",
        "Reserves points of the lots that expire first. They cannot be spent, and do not expire, until the hold ends.",
        schemas.HoldRequest,
        HoldResponse,
        errors.InsufficientPoints,
    ),
    gives_orders=True,
)
async def hold(call: Call, asked: schemas.HoldRequest) -> HoldResponse:
    done = await _carry_out(call, asked)
    return HoldResponse(
        success=True,
        message=DRY_RUN if asked.dry_run else "Hold client points successfully",
        hold_id=entry_id(done.client_id, done.entry.seq),
        expires_at=schemas.hold_expiry(done.entry),
        available=done.available,
    )


@writes(
    about(
        "Capture a hold",
        "Uses all that the hold reserves, or `points` of it; the rest is released.",
        schemas.CaptureRequest,
        OrderResponse,
        errors.InsufficientPoints,
        errors.NoSuchHold,
        errors.HoldEnded,
    ),
    gives_orders=True,
)
async def capture(call: Call, asked: schemas.CaptureRequest) -> OrderResponse:
    return await _ordered(call, asked, "Capture client points successfully")


@writes(
    about(
        "Release a hold",
        "Gives back what the hold reserves. What goes back to a lot that has expired meanwhile expires at once.",
        schemas.ReleaseRequest,
        OrderResponse,
        errors.NoSuchHold,
        errors.HoldEnded,
    ),
    gives_orders=True,
)
async def release(call: Call, asked: schemas.ReleaseRequest) -> OrderResponse:
    return await _ordered(call, asked, "Release client points successfully")


@writes(
    about(
        "Reverse an entry",
        "Undoes a grant, a spend or a capture, or `points` of it, until all of it is undone. A spend gives back to "
        "the lots that it used; what goes back to a lot that has expired meanwhile expires at once. A grant takes "
        "back from its own lot: if some was used, it is refused with the shortfall, or takes what is left.",
        schemas.ReverseRequest,
        ReverseResponse,
        errors.NoSuchEntry,
        errors.NotReversible,
        errors.AlreadyReversed,
        errors.Shortfall,
        errors.BalanceOutOfRange,
    ),
    gives_orders=True,
)
async def reverse(call: Call, asked: schemas.ReverseRequest) -> ReverseResponse:
    done = await _carry_out(call, asked)
    return ReverseResponse(
        success=True,
        message=DRY_RUN if asked.dry_run else "Reverse client points successfully",
        entry=entry_info(done.client_id, done.entry),
        available=done.available,
        shortfall=done.shortfall,
    )


async def _ordered(call: Call, asked: OrderRequest, message: str) -> OrderResponse:
    """Carry out an order, and answer as most do."""
    done = await _carry_out(call, asked)
    return OrderResponse(
        success=True,
        message=DRY_RUN if asked.dry_run else message,
        entry=entry_info(done.client_id, done.entry),
        available=done.available,
    )


async def _carry_out(call: Call, asked: OrderRequest) -> Done:
    result = await call.write((schemas.order(asked, _key(call)),), dry_run=asked.dry_run)
    if isinstance(result, Refusal):
        raise result
    call.seen.replayed = result[0].replayed
    return result[0].done()


def _key(call: Call) -> str:
    """The request's idempotency key, whose form is looked at with the rest of the order; or InvalidField."""
    key = call.seen.headers.get(KEY_HEADER)
    if key is None or not _comes_once(KEY_HEADER, call):
        raise InvalidField(f"the header Idempotency-Key is required, once: {fields.KEY_FORM}")
    return key.decode("latin-1")


def _comes_once(header: bytes, call: Call) -> bool:
    every: list[tuple[bytes, bytes]] = call.scope["headers"]
    # Mostly none comes twice.
    return len(call.seen.headers) == len(every) or [name for name, _ in every].count(header) == 1
