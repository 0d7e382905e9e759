"""Bots: which there are, how they are, and their credentials."""

from __future__ import annotations

from starlette.responses import Response

from remora.errors import InvalidField, PairSuperseded
from remora.model import MICROSECONDS_PER_SECOND
from remora.service import console
from remora.service.bots import BotStatus
from remora.service.pairs import MAX_OVERLAP_MINUTES
from remora.web import observe
from remora.web.console.formats import Zone
from remora.web.console.visit import HOME, Visit

DAY = 86_400 * MICROSECONDS_PER_SECOND
SOON_DAYS = 7
"""A pair that expires within so many days is shown as one to see to."""


async def home(visit: Visit) -> Response:
    return visit.to(HOME)


async def every(visit: Visit) -> Response:
    """The operator's bots."""
    found = await visit.do(console.bots_of, visit.authority)
    return visit.page("bots.html", bots=[_shown(visit, each) for each in found])


async def credentials(visit: Visit) -> Response:
    """One bot's pair: its age and its end, nothing that could be used."""
    return await _credentials(visit)


async def issue(visit: Visit) -> Response:
    """Replace the pair, and show the new one: on this answer alone, which nobody keeps."""
    form = await visit.form()
    bot_id = visit.part("bot_id")
    overlap = _overlap(form.get("overlap", ""))
    if overlap is None:
        return await _credentials(
            visit, 400, wrong=visit.language("credentials.overlap_wrong", most=MAX_OVERLAP_MINUTES)
        )
    try:
        pair = await visit.do(console.issue_pair, visit.authority, bot_id, form.get("replacing", ""), overlap)
    except PairSuperseded:
        return await _credentials(visit, 409, wrong=visit.language("credentials.superseded"))
    except InvalidField:
        return await _credentials(
            visit, 400, wrong=visit.language("credentials.overlap_wrong", most=MAX_OVERLAP_MINUTES)
        )
    observe.log.info(
        "pair issued", request_id=visit.seen.request_id, operator=visit.authority.operator, bot=pair.bot_id
    )
    status = await visit.do(console.bot, visit.authority, bot_id)
    return visit.page("pair.html", bot=status.bot, zone=Zone(status.bot.time_zone), pair=pair, overlap=overlap)


async def _credentials(visit: Visit, http_status: int = 200, wrong: str | None = None) -> Response:
    status = await visit.do(console.bot, visit.authority, visit.part("bot_id"))
    return visit.page("credentials.html", http_status, **_shown(visit, status), wrong=wrong, most=MAX_OVERLAP_MINUTES)


def _shown(visit: Visit, status: BotStatus) -> dict[str, object]:
    now = visit.installation.clock.now()
    left = (status.pair.expires_at - now) // DAY
    return {
        "bot": status.bot,
        "pair": status.pair,
        "zone": Zone(status.bot.time_zone),
        "age_days": max(0, (now - status.pair.created_at) // DAY),
        "days_left": left,
        "expired": status.pair.expires_at <= now,
        "soon": left < SOON_DAYS,
    }


def _overlap(text: str) -> int | None:
    digits = text.strip()
    return (
        int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= len(str(MAX_OVERLAP_MINUTES)) else None
    )
