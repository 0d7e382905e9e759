"""Clients: the people a bot knows, on each platform."""

from __future__ import annotations

from collections.abc import Sequence

from hashids import Hashids

from remora import ids
from remora.errors import ClientExists, NoClientFound
from remora.model import Client, Platform
from remora.service import access, fields
from remora.service.installation import Installation
from remora.storage import clients
from remora.storage.database import Transaction


def add(
    installation: Installation, bot_id: str, platform: Platform, platform_client_id: str, client_id: str | None = None
) -> Client:
    """Make a client, or return the one that is there: adding again changes nothing.

    `client_id` brings an encoded id along; ClientExists if that, or another one for the same platform
    id, is in use.
    """
    if client_id is None:
        [client] = register(installation, bot_id, platform, [platform_client_id])
        return client
    _check(platform_client_id)
    fields.identifier("clientId", client_id)
    with installation.database.write() as tx:
        access.known_bot(tx, bot_id, lock=True)
        known = clients.by_platform(tx, bot_id, [(platform, platform_client_id)])
        for client in known.values():
            if client.client_id != client_id:
                raise ClientExists(f"{platform} {platform_client_id} is client {client.client_id} already")
            return client
        if clients.find(tx, bot_id, client_id) is not None:
            raise ClientExists(f"the clientId {client_id} is another client's already")
        client = Client(client_id, platform, platform_client_id)
        clients.add(tx, bot_id, [client], installation.clock.now())
    return client


def register(
    installation: Installation, bot_id: str, platform: Platform, platform_client_ids: Sequence[str]
) -> list[Client]:
    """Make clients of the platform ids that are none yet; return all, in the order given and each once."""
    pairs = [(platform, _check(each)) for each in dict.fromkeys(platform_client_ids)]
    with installation.database.write() as tx:
        access.known_bot(tx, bot_id, lock=True)
        known = clients.by_platform(tx, bot_id, pairs)
        new = [pair for pair in pairs if pair not in known]
        if new:
            added = _named(tx, installation, bot_id, new)
            clients.add(tx, bot_id, added, installation.clock.now())
            known |= dict(zip(new, added, strict=True))
    return [known[pair] for pair in pairs]


def page(installation: Installation, bot_id: str, after: str, most: int) -> list[Client]:
    """At most `most` of the bot's clients whose encoded ids come after `after`."""
    with installation.database.read() as tx:
        access.known_bot(tx, bot_id)
        return clients.page(tx, bot_id, after, most)


def show(installation: Installation, bot_id: str, client_id: str) -> Client:
    """One client, or NoClientFound."""
    with installation.database.read() as tx:
        access.known_bot(tx, bot_id)
        client = clients.find(tx, bot_id, client_id)
    if client is None:
        raise NoClientFound(f"the bot has no client {client_id}")
    return client


def next_free_id(tx: Transaction, encoder: Hashids, bot_id: str, after: int) -> tuple[int, str]:
    """The next client number of a bot and its encoded id; one that was brought along from elsewhere is skipped."""
    number = after + 1
    while clients.find(tx, bot_id, client_id := ids.client_id(encoder, number)) is not None:
        number += 1
    return number, client_id


def _check(platform_client_id: str) -> str:
    return fields.text("platformClientId", platform_client_id, fields.MAX_PLATFORM_CLIENT_ID)


def _named(
    tx: Transaction, installation: Installation, bot_id: str, pairs: Sequence[tuple[Platform, str]]
) -> list[Client]:
    """New clients with the bot's next encoded ids."""
    named: list[Client] = []
    number = clients.last_number(tx, bot_id)
    for pair in pairs:
        number, client_id = next_free_id(tx, installation.encoder, bot_id, number)
        named.append(Client(client_id, *pair))
    clients.note_number(tx, bot_id, number)
    return named
