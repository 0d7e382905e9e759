"""Verdicts: what comes of each row of a draft, as far as the bot's clients and earlier imports decide it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from remora.errors import ImportUndone
from remora.model import NEVER, Client, Platform
from remora.service.draft import Draft, Row
from remora.storage import clients, imports
from remora.storage.clients import PlatformPair
from remora.storage.database import Transaction
from remora.storage.imports import Import, ImportRow

NEW, GRANT, EXISTS, UNCHANGED, REFUSED = "new", "grant", "exists", "unchanged", "refused"
VERDICTS = (NEW, GRANT, EXISTS, UNCHANGED, REFUSED)


class Verdict(Struct, frozen=True):
    """What comes of a row: its client is new, and gets the row's points, if any; it exists, and is granted them; it
    exists, and nothing is to be done; the row was granted before, by this import; or it is refused, as `detail` says.
    `client_id` and `seq`, which names the entry, are None as long as there are none.
    """

    row: Row
    verdict: str
    client_id: str | None = None
    seq: int | None = None
    detail: str | None = None


def judged(tx: Transaction, drafted: Draft, batch: Sequence[Row], now: int) -> list[Verdict]:
    """What is to be done with rows at an instant, as far as it can be told without their clients' ledgers. ImportUndone
    if nothing is.
    """
    bot_id, import_id = drafted.bot.bot_id, drafted.import_id
    allowed(imports.find(tx, bot_id, import_id))
    rows = [row for row in batch if row.refusal is None]
    found = clients.by_platform(tx, bot_id, [pair(row) for row in rows])
    store = _Store(
        found=found,
        owners=imports.clients_named(tx, bot_id, {row.client_id for row in rows if row.client_id is not None}),
        granted=imports.rows_between(tx, bot_id, import_id, batch[0].number, batch[-1].number),
        others=imports.of_others(
            tx, bot_id, import_id, {found[pair(row)].client_id for row in rows if row.points and pair(row) in found}
        ),
    )
    return [_verdict(row, store, now) for row in batch]


def allowed(known: Import | None) -> None:
    """Raise ImportUndone, as what was taken back on purpose does not come again by itself."""
    if known is not None and known.undo_began_at != NEVER:
        raise ImportUndone(f"this file was imported as {known.import_id}, and undone: it is not imported again")


def pair(row: Row) -> PlatformPair:
    """Whose row it is; of one that is refused it is not asked."""
    return Platform(row.platform), row.platform_client_id


class _Store(Struct, frozen=True):
    """What is known of a batch's rows: their clients, whose the ids are that they bring along, what this import has
    granted, and which other one has given points to whom.
    """

    found: Mapping[PlatformPair, Client]
    owners: Mapping[str, Client]
    granted: Mapping[int, ImportRow]
    others: Mapping[str, str]


def _verdict(row: Row, store: _Store, now: int) -> Verdict:
    if row.refusal is not None:
        return Verdict(row, REFUSED, detail=row.refusal)
    done = store.granted.get(row.number)
    if done is not None:
        return Verdict(row, UNCHANGED, done.client_id, done.seq)
    client = store.found.get(pair(row))
    client_id = row.client_id if client is None else client.client_id
    why = _refusal(row, client, store, now)
    if why is not None:
        return Verdict(row, REFUSED, None if client is None else client.client_id, detail=why)
    if client is None:
        return Verdict(row, NEW, client_id)
    if not row.points:
        return Verdict(row, EXISTS, client_id)
    other = store.others.get(client.client_id)
    note = None if other is None else f"import {other} has given this client points before"
    return Verdict(row, GRANT, client_id, detail=note)


def _refusal(row: Row, client: Client | None, store: _Store, now: int) -> str | None:
    """Why the store as it is does not let the row be carried out."""
    if client is None and row.client_id in store.owners:
        return f"the clientId {row.client_id} is another client's already"
    if client is not None and row.client_id not in (None, client.client_id):
        return f"{row.platform} {row.platform_client_id} is client {client.client_id} already"
    if row.points and row.expires_at is not None and row.expires_at <= now:
        return "expiresAt must be later than now"
    return None
