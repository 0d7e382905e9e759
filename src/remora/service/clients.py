"""Clients: the people a bot knows, on each platform."""

from __future__ import annotations

from remora import ids
from remora.errors import ClientExists, NoClientFound
from remora.model import Client, Platform
from remora.service import access, fields
from remora.service.installation import Installation
from remora.storage import clients
from remora.storage.database import Transaction


def add(
    installation: Installation,
    bot_id: str,
    platform: Platform,
    platform_client_id: str,
    client_id: str | None = None,
) -> Client:
    """Make a client, or return the one that is there: adding again changes nothing.

    `client_id` brings an encoded id along; ClientExists if that, or another one for the same platform
    id, is in use.
    """
    fields.text("platformClientId", platform_client_id, fields.MAX_PLATFORM_CLIENT_ID)
    if client_id is not None:
        fields.identifier("clientId", client_id)
    with installation.database.write() as tx:
        access.known_bot(tx, bot_id)
        known = clients.find_by_platform(tx, bot_id, platform, platform_client_id)
        if known is not None:
            if client_id not in (None, known.client_id):
                raise ClientExists(f"{platform} {platform_client_id} is client {known.client_id} already")
            return known
        if client_id is not None and clients.find(tx, bot_id, client_id) is not None:
            raise ClientExists(f"the clientId {client_id} is another client's already")
        client = Client(client_id or _next_free_id(tx, installation, bot_id), platform, platform_client_id)
        clients.add(tx, bot_id, client, installation.clock.now())
    return client


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


def _next_free_id(tx: Transaction, installation: Installation, bot_id: str) -> str:
    """Encode the bot's next number; one that meets an id brought along from elsewhere is skipped."""
    while True:
        client_id = ids.client_id(installation.encoder, clients.next_number(tx, bot_id))
        if clients.find(tx, bot_id, client_id) is None:
            return client_id
