"""Rows of bots and of their credentials."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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


def find(tx: Transaction, bot_id: str, *, lock: bool = False) -> Bot | None:
    """One bot. `lock` keeps everyone else from changing it, its pairs and its client numbers until the
    transaction ends; it comes before any client's lock.
    """
    return bot_of(tx.all("bot_lock" if lock else "bot_find", bot_id=bot_id))


def bot_of(rows: Sequence[Row]) -> Bot | None:
    """The bot of the rows of `bot_find`."""
    return _bot(rows[0]) if rows else None


def every(tx: Transaction) -> list[Bot]:
    return [_bot(row) for row in tx.all("bot_list")]


def update(tx: Transaction, bot: Bot) -> None:
    tx.run("bot_update", **asdict(bot))


def callers(rows: Sequence[Row], token_ids: Iterable[str]) -> dict[str, Caller]:
    """What the rows of `callers_find` say of each token id; nothing if there is no such bot."""
    if not rows:
        return {}
    found = dict.fromkeys(token_ids, Caller(bool(rows[0][0]), None, 0))
    for api_enabled, token_id, digest, valid_until in rows:
        if token_id is not None:
            found[token_id] = Caller(bool(api_enabled), digest, valid_until)
    return found


def caller(tx: Transaction, bot_id: str, token_id: str) -> Caller | None:
    """None if there is no such bot."""
    [rows] = tx.together(("callers_find", {"bot_id": bot_id, "ids": (token_id,)}))
    return callers(rows, [token_id]).get(token_id)


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
