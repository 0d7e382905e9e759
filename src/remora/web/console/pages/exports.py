"""Exporting: a bot's clients with their balances at an instant, and its journal, as files."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import IO

from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse

from remora.errors import PathUnknown
from remora.service import console, downloads
from remora.web.console.formats import Zone
from remora.web.console.visit import Visit

CHUNK = 65_536
TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}


async def show(visit: Visit, wrong: str | None = None) -> Response:
    """What can be exported."""
    bot = (await visit.do(console.bot, visit.authority, visit.part("bot_id"))).bot
    wrongs = {} if wrong is None else {"at": wrong}
    at = visit.query.get("at", "")
    return visit.page("exports.html", 400 if wrong else 200, bot=bot, zone=Zone(bot.time_zone), at=at, wrong=wrongs)


async def download(visit: Visit) -> Response:
    """The file. Its name is made of the bot's id, which has no character that means anything in a header."""
    what, form = visit.part("what"), visit.query.get("format", "csv")
    bot = (await visit.do(console.bot, visit.authority, visit.part("bot_id"))).bot
    if what not in downloads.WHATS or form not in downloads.FORMS:
        raise PathUnknown("nothing is served at this path")
    asked = visit.query.get("at", "").strip()
    at = Zone(bot.time_zone).instant(asked) if asked else None
    if asked and at is None:
        return await show(visit, visit.language("order.time_wrong"))
    # It takes as long as there is much, so it waits for the others that do, and not among the quick ones.
    async with visit.shared.exporting:
        file = await asyncio.to_thread(
            downloads.download, visit.installation, visit.authority, bot.bot_id, what, form, at
        )
    return file_response(file, f"{bot.bot_id}-{what}.{form}", form)


def file_response(file: IO[bytes], name: str, form: str) -> Response:
    """A file to be saved under a name that has no character which means anything in a header."""
    headers = {"content-disposition": f'attachment; filename="{name}"', "content-type": TYPES[form]}
    return StreamingResponse(_chunks(file), headers=headers, background=BackgroundTask(file.close))


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK):
            yield chunk
