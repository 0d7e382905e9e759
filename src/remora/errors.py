"""The kinds of refusal: each a class with its code. Nothing here knows HTTP.

Codes below 900000 are the source API's own, whose meaning we keep; 400 to 599 mirror a transport
status because no code is published for it; 900000 and above are ours.
"""

from __future__ import annotations

from typing import ClassVar


class Refusal(Exception):
    """A request that was understood and turned down; `message` is for a person, `code` for a program."""

    code: ClassVar[int]

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class TokenInvalid(Refusal):
    """No token, or one that is malformed, wrongly signed or expired."""

    code = 1004


class PermissionDenied(Refusal):
    """Another bot's token, a wrong secret, or the API is off for the bot: the caller is not told which."""

    code = 1002


class NoSuchBot(Refusal):
    """No bot has the given id."""

    code = 5001


class PairSuperseded(Refusal):
    """The token and secret were issued anew, and the old pair is still used."""

    code = 120000


class InvalidField(Refusal):
    """A field is missing, of the wrong type or out of bounds; the message names it and the bound."""

    code = 110000


class NoClientFound(Refusal):
    """None of the ids asked for belongs to a client of the bot."""

    code = 37011


class RateLimited(Refusal):
    """Too many requests; `Retry-After` says in how many seconds to come back."""

    code = 429

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class PathUnknown(Refusal):
    """Nothing is served at this path."""

    code = 404


class MethodNotAllowed(Refusal):
    """The path is served, but not by this method; `allowed` names those it is served by."""

    code = 405

    def __init__(self, message: str, allowed: str) -> None:
        super().__init__(message)
        self.allowed = allowed


class BodyTooLarge(Refusal):
    """The request body is larger than the route takes."""

    code = 413


class InternalError(Refusal):
    """A fault of ours; the message gives the request id under which the log tells more."""

    code = 500


class StoreUnavailable(Refusal):
    """The database is away or too busy; nothing was done, and the same request may be sent again."""

    code = 503
    retry_after_seconds = 1


class BotExists(Refusal):
    """A bot with this id is there already."""

    code = 900001


class ClientExists(Refusal):
    """The encoded client id, or the platform's id, belongs to a client already."""

    code = 900002


class KeyReused(Refusal):
    """The idempotency key was used before, for a different request."""

    code = 900003


class BalanceOutOfRange(Refusal):
    """The grant would lift what the client holds above the largest balance, 2^53 - 1."""

    code = 900004


class SchemaOutOfDate(Refusal):
    """The database lacks a migration, or has one that this version does not know."""

    code = 900005


class LedgerRefusal(Refusal):
    """A refusal that has figures: how many points there are, and how many are lacking."""

    def __init__(self, message: str, *, available: int | None = None, shortfall: int | None = None) -> None:
        super().__init__(message)
        self.available = available
        self.shortfall = shortfall


class InsufficientPoints(LedgerRefusal):
    """The client, or the hold, has fewer points than are asked for; `available` says how many."""

    code = 900006


class NoSuchHold(LedgerRefusal):
    """The client has no hold with this id."""

    code = 900007


class HoldEnded(LedgerRefusal):
    """The hold was captured or released, or has timed out."""

    code = 900008


class NoSuchEntry(LedgerRefusal):
    """The client has no entry with this id."""

    code = 900009


class NotReversible(LedgerRefusal):
    """Only grants, spends and captures can be reversed: a reversal cannot."""

    code = 900010


class AlreadyReversed(LedgerRefusal):
    """Fewer points of the entry are left to reverse than are asked for; `available` says how many."""

    code = 900011


class Shortfall(LedgerRefusal):
    """The grant's points were used: `available` are left to take back, `shortfall` are lacking."""

    code = 900012


class BatchRefused(Refusal):
    """One operation of an atomic batch was refused, so none was done; the message says which, and why."""

    code = 900013


class TargetInUse(Refusal):
    """The database to move to holds something else than a copy of the installation that is moved."""

    code = 900014


class MoveUnfinished(Refusal):
    """The database is a copy that is not whole yet, or the one moved from has changed meanwhile."""

    code = 900015


class BackupRefused(Refusal):
    """No back-up was made, or it was not kept; the message says why, and no file is left."""

    code = 900017


class NotDistributable(Refusal):
    """The tables cannot be distributed over a Citus cluster; the message says what is lacking."""

    code = 900016


class OperatorExists(Refusal):
    """An operator with this name is there already."""

    code = 900018


class NoSuchOperator(Refusal):
    """No operator has the given name."""

    code = 900019


class SignInRefused(Refusal):
    """Name and password do not belong together, or the operator is disabled: it is not told which."""

    code = 900020


class SignInLocked(Refusal):
    """Too many sign-ins failed for the name, or from the address; `retry_after_seconds` says when to come back."""

    code = 900021

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class NotSignedIn(Refusal):
    """There is no session, or it is over."""

    code = 900022


class NotAllowed(Refusal):
    """The operator's role does not allow it."""

    code = 900023


class FormRefused(Refusal):
    """A form that did not come from a page of this session, or came too late; nothing was done."""

    code = 900024


class ImportRefused(Refusal):
    """The file cannot be imported as a whole, and nothing of it was; the message says why, and where."""

    code = 900025


class NoSuchImport(Refusal):
    """The bot has no import with this id."""

    code = 900026


class ImportUndone(Refusal):
    """The import was undone, or is being undone; the same file is not imported again."""

    code = 900027


class NoSuchUpload(Refusal):
    """There is no such upload: it was forgotten, after a day or once it was imported, or not kept whole."""

    code = 900028


def kinds() -> list[type[Refusal]]:
    """Every kind that has a code."""
    return [kind for kind in (*Refusal.__subclasses__(), *LedgerRefusal.__subclasses__()) if hasattr(kind, "code")]


def revive(code: int, message: str, available: int | None = None, shortfall: int | None = None) -> Refusal:
    """Make a refusal that was kept under an idempotency key again."""
    [kind] = [kind for kind in kinds() if kind.code == code]
    if issubclass(kind, LedgerRefusal):
        return kind(message, available=available, shortfall=shortfall)
    return kind(message)
