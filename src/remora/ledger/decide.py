"""One door to the rules: an account and a command in, a decision or a refusal out."""

from __future__ import annotations

from remora.errors import InvalidField
from remora.ledger.book import Book
from remora.ledger.commands import (
    MAX_HOLD_SECONDS,
    Capture,
    Command,
    Grant,
    Hold,
    Release,
    Reverse,
    Spend,
)
from remora.ledger.ending import capture, release
from remora.ledger.grant import grant
from remora.ledger.reverse import reverse
from remora.ledger.settle import settle
from remora.ledger.spend import hold, spend
from remora.model import MAX_POINTS, Account, Bot, Decision, Reversible


def decide(
    account: Account,
    command: Command,
    now: int,
    bot: Bot,
    target: Reversible | None = None,
    operator: str | None = None,
) -> Decision:
    """Settle what is due, then carry out the command, or raise its Refusal; `account` is not changed.

    `account` has the lots and the hold that the command names, whatever their state; `target` is the
    entry that a reversal names, if there is one; `operator` is who asks for it, if it is a person.
    """
    _check(command)
    book = Book(account, now, operator)
    settle(book)
    match command:
        case Grant():
            return grant(book, command, bot)
        case Spend():
            return spend(book, command)
        case Hold():
            return hold(book, command)
        case Capture():
            return capture(book, command)
        case Release():
            return release(book, command)
        case Reverse():
            return reverse(book, command, target)


def _check(command: Command) -> None:
    points = None if isinstance(command, Release) else command.points
    if points is not None and not 1 <= points <= MAX_POINTS:
        raise InvalidField(f"points must be a whole number from 1 to {MAX_POINTS}")
    if isinstance(command, Hold) and not 1 <= command.timeout_seconds <= MAX_HOLD_SECONDS:
        raise InvalidField(f"timeoutSeconds must be from 1 to {MAX_HOLD_SECONDS}")
