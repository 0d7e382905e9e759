"""Who may call: the checks of token, bot, pair, secret and plan, in the contract's order."""

from __future__ import annotations

import hashlib
import hmac

from msgspec import Struct

from remora.errors import NoSuchBot, PairSuperseded, PermissionDenied, TokenInvalid
from remora.model import Bot
from remora.service import tokens
from remora.service.installation import Installation
from remora.service.tokens import Claims
from remora.storage import bots
from remora.storage.database import Transaction


class Caller(Struct, frozen=True):
    """A bot that a current pair's token speaks for, and that has still to give the pair's secret."""

    bot_id: str
    api_enabled: bool
    secret_digest: bytes

    def __repr__(self) -> str:
        return f"Caller(bot_id={self.bot_id!r})"

    def check_secret(self, secret: str) -> None:
        """Compare in constant time; raise PermissionDenied."""
        if not hmac.compare_digest(self.secret_digest, digest(secret)):
            raise _denied()

    def check_plan(self) -> None:
        """Raise PermissionDenied where the bot's API is off."""
        if not self.api_enabled:
            raise _denied()


def identify(known: bots.Caller | None, claims: Claims, bot_id: str, now: int) -> Caller:
    """Find that the bot is there, and the token of its current pair or of one that still overlaps.

    What is `known` was read afresh for this request: a revoked pair is refused from the moment it was revoked. Where
    it was remembered, nothing is done for the caller before `check_again`.
    """
    if known is not None and claims.bot_id != bot_id:
        raise _denied()
    return Caller(bot_id, *_current(known, now))


def check_again(known: bots.Caller | None, now: int) -> None:
    """Raise what the token of a caller is refused with by now whom `identify` and the checks let in before: the secret
    of a token's pair never changes.
    """
    api_enabled, _ = _current(known, now)
    if not api_enabled:
        raise _denied()


def _current(known: bots.Caller | None, now: int) -> tuple[bool, bytes]:
    """Whether the bot's API is on, and the digest of its pair's secret, where the token's pair is a current one."""
    if known is None:
        raise NoSuchBot("no bot has this botId")
    if known.secret_digest is None:
        raise TokenInvalid("the token is not one that was issued for this bot")
    if known.valid_until <= now:
        raise PairSuperseded("the token and secret were issued anew; use the new ones")
    return known.api_enabled, known.secret_digest


def prove(installation: Installation, bot_id: str, token: str, secret: str) -> None:
    """Raise whatever a call with this pair would be refused with, up to the plan."""
    now = installation.clock.now()
    claims = tokens.read(token, installation.signing_key, now)
    with installation.database.read() as tx:
        known = bots.caller(tx, bot_id, claims.token_id)
    caller = identify(known, claims, bot_id, now)
    caller.check_secret(secret)
    caller.check_plan()


def known_bot(tx: Transaction, bot_id: str, *, lock: bool = False) -> Bot:
    """The bot that an operator names, or NoSuchBot. `lock`: see `bots.find`."""
    bot = bots.find(tx, bot_id, lock=lock)
    if bot is None:
        raise NoSuchBot(f"there is no bot {bot_id}")
    return bot


def digest(secret: str) -> bytes:
    """SHA-256: the secret has 256 random bits, so there is nothing that a slow hash would slow down."""
    return hashlib.sha256(secret.encode()).digest()


def _denied() -> PermissionDenied:
    # One text for every cause: nothing tells the caller which.
    return PermissionDenied("permission denied: the token or secret is wrong, or the API is off for this bot")
