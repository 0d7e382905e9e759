"""Pairs of token and secret: issuing, exchanging, rotating."""

from __future__ import annotations

import secrets

from msgspec import Struct

from remora.errors import InvalidField, PairSuperseded
from remora.model import MICROSECONDS_PER_SECOND, NEVER, Bot, Credential
from remora.service import access, tokens
from remora.service.installation import Installation
from remora.service.tokens import Claims
from remora.storage import bots
from remora.storage.database import Transaction

MAX_OVERLAP_MINUTES = 24 * 60
MICROSECONDS_PER_MINUTE = 60 * MICROSECONDS_PER_SECOND


class Pair(Struct, frozen=True):
    """A token and its secret, on the one occasion on which they can be shown."""

    bot_id: str
    api_token: str
    api_secret: str
    expires_at: int

    def __repr__(self) -> str:
        return f"Pair(bot_id={self.bot_id!r})"


def exchange(installation: Installation, bot_id: str, claims: Claims, secret: str) -> Pair:
    """Replace the pair that `claims` and `secret` prove. All is checked again inside the deciding
    transaction, so that of two exchanges at once with a pair that ends at once, one is refused.
    """
    with installation.database.write() as tx:
        bot = access.known_bot(tx, bot_id, lock=True)
        now = installation.clock.now()
        caller = access.identify(bots.caller(tx, bot_id, claims.token_id), claims, bot_id, now)
        caller.check_secret(secret)
        caller.check_plan()
        return issue(tx, installation, bot, now)


def rotate(
    installation: Installation, bot_id: str, overlap_minutes: int | None, *, replacing: str | None = None
) -> Pair:
    """Replace a bot's pair for its operator; `overlap_minutes` None takes the bot's own. PairSuperseded if `replacing`,
    a token's id, is the current pair's no more.
    """
    if overlap_minutes is not None:
        check_overlap(overlap_minutes)
    with installation.database.write() as tx:
        bot = access.known_bot(tx, bot_id, lock=True)
        current = bots.current_pair(tx, bot_id)
        if replacing is not None and (current is None or current.token_id != replacing):
            raise PairSuperseded("the pair was issued anew meanwhile; look at it again")
        return issue(tx, installation, bot, installation.clock.now(), overlap_minutes)


def issue(tx: Transaction, installation: Installation, bot: Bot, now: int, overlap_minutes: int | None = None) -> Pair:
    """Make a new pair the current one. Every other works on for the overlap, at most."""
    overlap = bot.overlap_minutes if overlap_minutes is None else overlap_minutes
    issued_at = now // MICROSECONDS_PER_SECOND
    claims = Claims(bot.bot_id, secrets.token_urlsafe(12), issued_at, issued_at + tokens.LIFE_SECONDS)
    secret = secrets.token_urlsafe(32)
    credential = Credential(
        bot_id=bot.bot_id,
        token_id=claims.token_id,
        secret_digest=access.digest(secret),
        created_at=now,
        expires_at=claims.expires_at,
        valid_until=NEVER,
    )
    bots.replace_pair(tx, credential, old_valid_until=now + overlap * MICROSECONDS_PER_MINUTE)
    return Pair(bot.bot_id, tokens.sign(claims, installation.signing_key), secret, claims.expires_at)


def check_overlap(minutes: int) -> int:
    """How long a replaced pair works on: up to a day."""
    if not 0 <= minutes <= MAX_OVERLAP_MINUTES:
        raise InvalidField(f"overlapMinutes must be from 0 to {MAX_OVERLAP_MINUTES}")
    return minutes
