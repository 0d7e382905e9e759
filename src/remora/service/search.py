"""Finding clients by what staff have in hand: an encoded id, a platform's id, or how one begins."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from remora.errors import InvalidField
from remora.model import Client, Platform
from remora.service import access, fields, lookup
from remora.service.authority import Authority
from remora.service.installation import Installation
from remora.storage import clients
from remora.storage.database import Transaction


class Row(Struct, frozen=True):
    """A client, and what they can spend now."""

    client: Client
    points: int


class Found(Struct, frozen=True):
    """Some clients; `after` goes on after them, None if there are no more."""

    rows: list[Row]
    after: str | None


def search(
    installation: Installation,
    authority: Authority,
    bot_id: str,
    asked: str,
    *,
    platform: Platform | None = None,
    after: str = "",
    most: int,
) -> Found:
    """At most `most` clients by platform and id there, whose id begins with what is asked; before them the one whose
    encoded id it is. Nothing asked finds all. NoSuchBot refuses.
    """
    authority.reads(bot_id)
    platforms = [platform] if platform else list(Platform)
    with installation.database.read() as tx:
        access.known_bot(tx, bot_id)
        exact = _exact(tx, bot_id, asked) if not after else None
        found = _walk(tx, bot_id, platforms, asked, after, most + 1) if _can_begin_an_id(asked) else []
    more = len(found) > most
    found = [client for client in found[:most] if client != exact]
    following = f"{found[-1].platform}:{found[-1].platform_client_id}" if more else None
    return Found(_rows(installation, bot_id, [*([exact] if exact else []), *found]), following)


def _walk(
    tx: Transaction, bot_id: str, platforms: Sequence[Platform], prefix: str, after: str, most: int
) -> list[Client]:
    """Along one platform after the other."""
    at, _, after_id = after.partition(":")
    found: list[Client] = []
    for each in platforms:
        if at in list(Platform) and list(Platform).index(each) < list(Platform).index(Platform(at)):
            continue
        if len(found) < most:
            begin = after_id if each == at and _can_begin_an_id(after_id) else ""
            found += clients.with_prefix(tx, bot_id, each, prefix, begin, most - len(found))
    return found


def _exact(tx: Transaction, bot_id: str, asked: str) -> Client | None:
    return clients.find(tx, bot_id, asked) if fields.IDENTIFIER.fullmatch(asked) else None


def _can_begin_an_id(asked: str) -> bool:
    try:
        return not asked or bool(fields.text("q", asked, fields.MAX_PLATFORM_CLIENT_ID))
    except InvalidField:
        return False


def _rows(installation: Installation, bot_id: str, found: Sequence[Client]) -> list[Row]:
    if not found:
        return []
    points = lookup.balances(installation, bot_id, [client.client_id for client in found])
    return [Row(client, points[client.client_id].points) for client in found if client.client_id in points]
