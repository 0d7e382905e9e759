"""Finding a client."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response

from remora.model import Platform
from remora.service import console, fields
from remora.service import search as finding
from remora.web.console.visit import Visit

PAGE = 25


async def search(visit: Visit) -> Response:
    """The clients whose ids begin with what is asked, a page at a time."""
    bot_id = visit.part("bot_id")
    status = await visit.do(console.bot, visit.authority, bot_id)
    asked, named = visit.query.get("q", "").strip(), visit.query.get("platform", "")
    platform = Platform(named) if named in list(Platform) else None
    found = await visit.do(
        finding.search,
        visit.authority,
        bot_id,
        asked[: fields.MAX_PLATFORM_CLIENT_ID + 1],
        platform=platform,
        after=visit.query.get("after", ""),
        most=PAGE,
    )
    more = None
    if found.after is not None:
        more = "?" + urlencode({"q": asked, "platform": platform or "", "after": found.after})
    return visit.page(
        "clients.html",
        bot=status.bot,
        rows=found.rows,
        more=more,
        asked=asked,
        platform=platform,
        platforms=list(Platform),
        first="after" not in visit.query,
    )
