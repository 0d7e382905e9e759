"""One client: the balance, why it is what it is, and what can be done about it."""

from __future__ import annotations

from functools import partial
from urllib.parse import urlencode

import msgspec
from msgspec import Struct
from starlette.responses import Response

from remora.ledger.reverse import REVERSIBLE
from remora.model import BY_THEMSELVES, NEVER, Entry, Lot
from remora.service import console
from remora.web.console import timeline
from remora.web.console.formats import Zone
from remora.web.console.visit import Visit

PAGE = 25
MOST_SPENT_LOTS = 50


class LotRow(Struct, frozen=True):
    """A lot, and what has become of it: `pending`, `live`, `used` or `expired`."""

    lot: Lot
    state: str


class EntryRow(Struct, frozen=True):
    """An entry of the journal. `who` is the operator, or a key of the language for what was nobody's doing."""

    entry: Entry
    moved: int
    metadata: str | None
    by_itself: bool
    reversible: bool


async def show(visit: Visit) -> Response:
    """The page of one client. `?at=` adds what it was, or will be, at another instant."""
    bot_id, client_id = visit.part("bot_id"), visit.part("client_id")
    load = partial(visit.do, console.statement, visit.authority, bot_id, client_id)
    before = _number(visit.query.get("before", ""))
    found = await load(before=before or NEVER, most=PAGE)
    zone = Zone(found.bot.time_zone)
    asked = visit.query.get("at", "").strip()
    at = zone.instant(asked) if asked else None
    if at is not None:
        found = await load(at=at, before=before or NEVER, most=PAGE)
    following = found.journal.next_before
    done = _number(visit.query.get("done", ""))
    return visit.page(
        "client.html",
        bot=found.bot,
        client=found.client,
        zone=zone,
        now=found.now,
        picture=timeline.of(found.now.lots, found.now.at, zone),
        lots=[LotRow(lot, state(lot, found.now.at)) for lot in _in_order(found.now.lots) if lot.remaining],
        gone=[LotRow(lot, state(lot, found.now.at)) for lot in reversed(found.now.lots) if not lot.remaining][
            :MOST_SPENT_LOTS
        ],
        then=found.at,
        then_lots=[LotRow(lot, state(lot, found.at.at)) for lot in _in_order(found.at.lots) if lot.remaining]
        if found.at
        else [],
        asked=asked,
        asked_wrong=bool(asked) and at is None,
        entries=[_row(entry) for entry in found.journal.entries],
        first=before is None,
        more=None if following is None else "?" + urlencode({"before": following}) + "#journal",
        done=next((entry for entry in found.journal.entries if entry.seq == done), None),
        may_change=visit.authority.may_change(bot_id),
    )


def state(lot: Lot, now: int) -> str:
    """What has become of a lot, in a word that is a key of the language."""
    if now < lot.active_from:
        return "pending"
    if not lot.remaining:
        return "used"
    return "live" if now < lot.expires_at else "expired"


def _in_order(lots: list[Lot]) -> list[Lot]:
    """In the order in which they are used."""
    return sorted(lots, key=lambda lot: (lot.expires_at, lot.lot_id))


def _row(entry: Entry) -> EntryRow:
    return EntryRow(
        entry=entry,
        moved=sum(change.points for change in entry.lots),
        metadata=None if entry.metadata is None else msgspec.json.encode(entry.metadata).decode(),
        by_itself=entry.kind in BY_THEMSELVES,
        reversible=entry.kind in REVERSIBLE,
    )


def _number(text: str) -> int | None:
    """A seq of a link of ours; anything else is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None  # noqa: PLR2004 (19 digits may pass int64)
