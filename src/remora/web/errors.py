"""One table: which HTTP status each kind of refusal gets, and the envelope all of them share."""

from __future__ import annotations

import math
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from remora import errors
from remora.errors import LedgerRefusal, Refusal

STATUS: dict[type[Refusal], int] = {
    errors.InvalidField: 400,
    errors.TokenInvalid: 401,
    errors.PermissionDenied: 403,
    errors.NoSuchBot: 404,
    errors.PairSuperseded: 404,
    errors.NoClientFound: 404,
    errors.PathUnknown: 404,
    errors.MethodNotAllowed: 405,
    errors.BotExists: 409,
    errors.ClientExists: 409,
    errors.KeyReused: 409,
    errors.BalanceOutOfRange: 409,
    errors.InsufficientPoints: 409,
    errors.NoSuchHold: 404,
    errors.HoldEnded: 409,
    errors.NoSuchEntry: 404,
    errors.NotReversible: 409,
    errors.AlreadyReversed: 409,
    errors.Shortfall: 409,
    errors.BatchRefused: 409,
    errors.TargetInUse: 409,
    errors.BackupRefused: 409,
    errors.ImportRefused: 400,
    errors.NoSuchImport: 404,
    errors.ImportUndone: 409,
    errors.NoSuchUpload: 404,
    errors.NotDistributable: 409,
    errors.OperatorExists: 409,
    errors.NoSuchOperator: 404,
    errors.SignInRefused: 401,
    errors.SignInLocked: 429,
    errors.NotSignedIn: 401,
    errors.NotAllowed: 403,
    errors.FormRefused: 403,
    errors.BodyTooLarge: 413,
    errors.RateLimited: 429,
    errors.InternalError: 500,
    errors.StoreUnavailable: 503,
    errors.SchemaOutOfDate: 503,
    errors.MoveUnfinished: 503,
}


class ErrorDetail(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """What went wrong: a code for programs, a message for people."""

    message: str
    code: int
    bot_id: str | msgspec.UnsetType = msgspec.UNSET


class ErrorResponse(Struct, frozen=True, rename="camel"):
    """The envelope of every answer that is not a success."""

    success: bool
    err_response: ErrorDetail


class LedgerErrorDetail(ErrorDetail, frozen=True, omit_defaults=True, rename="camel"):
    """What went wrong, with the figures where there are any."""

    available: Annotated[int, Meta(description="How many points there are.")] | msgspec.UnsetType = msgspec.UNSET
    shortfall: Annotated[int, Meta(description="How many points are lacking.")] | msgspec.UnsetType = msgspec.UNSET


class LedgerErrorResponse(Struct, frozen=True, rename="camel"):
    """The envelope of a refusal by the ledger."""

    success: bool
    err_response: LedgerErrorDetail


def envelope(refusal: Refusal, bot_id: str | None) -> bytes:
    """The body of a refusal."""
    detail = ErrorDetail(refusal.message, refusal.code, bot_id or msgspec.UNSET)
    if isinstance(refusal, LedgerRefusal):
        figures = (msgspec.UNSET if each is None else each for each in (refusal.available, refusal.shortfall))
        detail = LedgerErrorDetail(detail.message, detail.code, detail.bot_id, *figures)
    return msgspec.json.encode(ErrorResponse(success=False, err_response=detail))


def extra_headers(refusal: Refusal) -> list[tuple[bytes, bytes]]:
    """The headers that HTTP asks for with some statuses."""
    match refusal:
        case errors.TokenInvalid():
            return [(b"www-authenticate", b"Bearer")]
        case errors.MethodNotAllowed():
            return [(b"allow", refusal.allowed.encode())]
        case errors.BodyTooLarge():
            # The rest of the body is not read, so the connection has no next request.
            return [(b"connection", b"close")]
        case errors.RateLimited() | errors.SignInLocked() | errors.StoreUnavailable():
            return [(b"retry-after", b"%d" % max(1, math.ceil(refusal.retry_after_seconds)))]
    return []
