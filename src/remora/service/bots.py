"""Bots: the tenants, as their operator handles them."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from remora import ids
from remora.errors import BotExists
from remora.model import Bot
from remora.service import access, fields, pairs
from remora.service.installation import Installation
from remora.service.pairs import Pair
from remora.storage import bots
from remora.storage.bots import CurrentPair
from remora.storage.database import UniqueViolation


class BotStatus(Struct, frozen=True):
    """A bot and what may be shown of its current pair."""

    bot: Bot
    pair: CurrentPair


def create(
    installation: Installation,
    name: str,
    bot_id: str | None = None,
    *,
    overlap_minutes: int = 0,
    expiry_policy: str = "none",
    time_zone: str = "UTC",
) -> Pair:
    """Make a bot with its first pair. BotExists if the id is taken; InvalidField names what is out of bounds."""
    bot = Bot(
        bot_id=fields.identifier("botId", bot_id) if bot_id is not None else ids.new_bot_id(installation.encoder),
        name=fields.text("name", name),
        api_enabled=True,
        overlap_minutes=pairs.check_overlap(overlap_minutes),
        expiry_policy=fields.expiry_policy(expiry_policy),
        time_zone=fields.time_zone(time_zone),
        created_at=installation.clock.now(),
    )
    try:
        with installation.database.write() as tx:
            bots.add(tx, bot)
            return pairs.issue(tx, installation, bot, bot.created_at)
    except UniqueViolation as taken:
        raise BotExists(f"there is a bot {bot.bot_id} already") from taken


def every(installation: Installation) -> list[Bot]:
    """All bots, oldest first."""
    with installation.database.read() as tx:
        return bots.every(tx)


def show(installation: Installation, bot_id: str) -> BotStatus:
    """One bot, or NoSuchBot."""
    with installation.database.read() as tx:
        bot, pair = access.known_bot(tx, bot_id), bots.current_pair(tx, bot_id)
    assert pair is not None, "a bot is made with a pair, and a pair only ends when a new one begins"
    return BotStatus(bot, pair)


def update(
    installation: Installation,
    bot_id: str,
    *,
    name: str | None = None,
    api_enabled: bool | None = None,
    overlap_minutes: int | None = None,
    expiry_policy: str | None = None,
    time_zone: str | None = None,
) -> Bot:
    """Change what is given, and return the bot as it is then. A new policy is for grants to come: no lot
    that is there changes by it.
    """
    given: dict[str, Any] = {
        "name": None if name is None else fields.text("name", name),
        "api_enabled": api_enabled,
        "overlap_minutes": None if overlap_minutes is None else pairs.check_overlap(overlap_minutes),
        "expiry_policy": None if expiry_policy is None else fields.expiry_policy(expiry_policy),
        "time_zone": None if time_zone is None else fields.time_zone(time_zone),
    }
    with installation.database.write() as tx:
        bot = replace(
            access.known_bot(tx, bot_id, lock=True),
            **{field: value for field, value in given.items() if value is not None},
        )
        bots.update(tx, bot)
    return bot
