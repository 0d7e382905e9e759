"""Rows of bots and of their credentials."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import asdict

from remora.model import Bot, Credential
from remora.storage.database import Row, Transaction


class Caller(Struct, frozen=True):
    """What the store knows of a request's bot and token; no digest if the token is none of the bot's."""

    api_enabled: bool
    secret_digest: bytes | None
    valid_until: int

    def __repr__(self) -> str:
        return f"Caller(api_enabled={self.api_enabled!r}, valid_until={self.valid_until!r})"


class CurrentPair(Struct, frozen=True):
    """What may be shown of the pair a bot has now."""

    token_id: str
    created_at: int
    expires_at: int


def add(tx: Transaction, bot: Bot) -> None:
    """Raises UniqueViolation if the id is taken."""
    tx.run("bot_add", **asdict(bot))


def find(tx: Transaction, bot_id: str) -> Bot | None:
    row = tx.one("bot_find", bot_id=bot_id)
    return _bot(row) if row else None


def every(tx: Transaction) -> list[Bot]:
    return [_bot(row) for row in tx.all("bot_list")]


def update(tx: Transaction, bot: Bot) -> None:
    tx.run("bot_update", **asdict(bot))


def caller(tx: Transaction, bot_id: str, token_id: str) -> Caller | None:
    """None if there is no such bot."""
    row = tx.one("caller_find", bot_id=bot_id, token_id=token_id)
    if row is None:
        return None
    api_enabled, secret_digest, valid_until = row
    return Caller(bool(api_enabled), secret_digest, valid_until or 0)


def replace_pair(tx: Transaction, pair: Credential, old_valid_until: int) -> None:
    """Make `pair` the current one; every other stops working at `old_valid_until` at the latest."""
    tx.run("credential_supersede", bot_id=pair.bot_id, valid_until=old_valid_until)
    tx.run("credential_add", **asdict(pair))


def current_pair(tx: Transaction, bot_id: str) -> CurrentPair | None:
    row = tx.one("credential_current", bot_id=bot_id)
    return CurrentPair(*row) if row else None


def _bot(row: Row) -> Bot:
    bot_id, name, api_enabled, *rest = row
    return Bot(bot_id, name, bool(api_enabled), *rest)
