"""Importing: a file is uploaded and looked at, confirmed, carried out by a thread of the server, and undone if need be.

What takes long a page does not wait for: it tells how far it is, from the database, and is asked for again.
"""

from __future__ import annotations

import asyncio
import re
from functools import partial

from starlette.responses import Response

from remora.errors import BodyTooLarge
from remora.service import console, import_desk, tasks, uploads
from remora.service.import_desk import Course
from remora.service.tasks import RUN, UNDO
from remora.service.uploads import LOOK
from remora.service.verdicts import GRANT, NEW, VERDICTS
from remora.settings import MIB
from remora.storage.import_tasks import Task
from remora.web import observe
from remora.web.console import uploads as forms
from remora.web.console.formats import Zone
from remora.web.console.pages.exports import file_response
from remora.web.console.visit import Visit
from remora.web.errands import CHANGES, LOOKS

PAGE = 25
PATIENCE_SECONDS = 1.0
"""So long a request waits for what it has begun: most files are small, and done by then."""


async def every(visit: Visit) -> Response:
    """The form to upload a file, and the bot's imports."""
    return await _every(visit)


async def upload(visit: Visit) -> Response:
    """Take a file in, and look at it. Nothing is imported yet."""
    bot_id, most = visit.part("bot_id"), visit.services.upload_limit_bytes
    visit.authority.changes(bot_id)
    await visit.do(console.bot, visit.authority, bot_id)
    try:
        given = await forms.read(visit.scope, visit.receive, visit.token, most)
    except BodyTooLarge as refusal:
        visit.seen.code = refusal.code
        response = await _every(visit, 413, visit.language("imports.too_large", most=most // MIB))
        response.headers["connection"] = "close"
        return response
    with given.content:
        if not given.name and not given.size:
            return await _every(visit, 400, visit.language("imports.no_file"))
        async with visit.shared.uploading:
            task = await asyncio.to_thread(
                uploads.keep, visit.installation, visit.authority, bot_id, given.name, given.content
            )
    observe.log.info(
        "file uploaded",
        request_id=visit.seen.request_id,
        operator=visit.authority.operator,
        bot=bot_id,
        upload=task.subject,
        bytes=given.size,
    )
    await _begun(visit, bot_id, task)
    return visit.to(_look_path(bot_id, task.subject))


async def look(visit: Visit) -> Response:
    """What would come of an upload's rows; once it is confirmed, what came of them."""
    found = await visit.do(import_desk.look, visit.authority, visit.part("bot_id"), visit.part("upload_id"))
    if found.ran and found.course.task.import_id is not None:
        return visit.to(_path(found.bot.bot_id, found.course.task.import_id))
    tally = found.found.tally if found.found else None
    return visit.page(
        "look.html",
        bot=found.bot,
        zone=Zone(found.bot.time_zone),
        course=found.course,
        task=found.course.task,
        found=found.found,
        known=found.known,
        verdicts=VERDICTS,
        to_do=tally is not None and tally.rows[NEW] + tally.rows[GRANT] > 0,
    )


async def confirm(visit: Visit) -> Response:
    """Import what was looked at, or look at it again, as the button says."""
    form = await visit.form()
    bot_id, upload_id = visit.part("bot_id"), visit.part("upload_id")
    if form.get("step") == "again":
        await _begun(visit, bot_id, await visit.do(import_desk.look_again, visit.authority, bot_id, upload_id))
        return visit.to(_look_path(bot_id, upload_id))
    import_id, task = await visit.do(import_desk.confirm, visit.authority, bot_id, upload_id)
    await _begun(visit, bot_id, task)
    return visit.to(_path(bot_id, import_id))


async def show(visit: Visit) -> Response:
    """One import: where it is, and what came of it."""
    return await _show(visit, "import.html")


async def go_on(visit: Visit) -> Response:
    """Go on with an import that was stopped."""
    await visit.form()
    bot_id, import_id = visit.part("bot_id"), visit.part("import_id")
    await _begun(visit, bot_id, await visit.do(import_desk.go_on, visit.authority, bot_id, import_id))
    return visit.to(_path(bot_id, import_id))


async def show_undo(visit: Visit) -> Response:
    """What undoing would do, before it is confirmed."""
    visit.authority.changes(visit.part("bot_id"))
    return await _show(visit, "undo.html")


async def undo(visit: Visit) -> Response:
    """Take back what the import granted."""
    await visit.form()
    bot_id, import_id = visit.part("bot_id"), visit.part("import_id")
    await _begun(visit, bot_id, await visit.do(import_desk.undo, visit.authority, bot_id, import_id))
    return visit.to(_path(bot_id, import_id))


async def look_report(visit: Visit) -> Response:
    return await _report(visit, visit.part("upload_id"), LOOK)


async def report(visit: Visit) -> Response:
    return await _report(visit, visit.part("import_id"), RUN)


async def undo_report(visit: Visit) -> Response:
    return await _report(visit, visit.part("import_id"), UNDO)


async def _every(visit: Visit, status: int = 200, wrong: str | None = None) -> Response:
    bot_id = visit.part("bot_id")
    found = await visit.do(import_desk.overview, visit.authority, bot_id)
    may_change = visit.authority.may_change(bot_id)
    page = _page(visit.query.get("page", ""))
    return visit.page(
        "imports.html",
        status,
        bot=found.bot,
        zone=Zone(found.bot.time_zone),
        imports=found.imports[(page - 1) * PAGE : page * PAGE],
        first=page == 1,
        more=f"?page={page + 1}" if len(found.imports) > page * PAGE else None,
        looks=found.looks if may_change and page == 1 else [],
        may_change=may_change,
        most=visit.services.upload_limit_bytes // MIB,
        most_bytes=visit.services.upload_limit_bytes,
        wrong={} if wrong is None else {"file": wrong},
    )


async def _show(visit: Visit, template: str) -> Response:
    bot_id = visit.part("bot_id")
    found = await visit.do(import_desk.result, visit.authority, bot_id, visit.part("import_id"))
    return visit.page(
        template,
        bot=found.bot,
        zone=Zone(found.bot.time_zone),
        each=found.standing,
        known=found.standing.known,
        run=found.run,
        undo=found.undo,
        found=found.found,
        undo_found=found.undo_found,
        file_is_there=found.file_is_there,
        verdicts=VERDICTS,
        moving=_moving(found.run, found.undo),
        may_change=visit.authority.may_change(bot_id),
    )


def _moving(*courses: Course | None) -> Course | None:
    """The task that is under way, if any."""
    return next((each for each in courses if each is not None and each.under_way), None)


async def _report(visit: Visit, subject: str, kind: str) -> Response:
    """A report's name is made of ids, which have no character that means anything in a header."""
    bot_id = visit.part("bot_id")
    async with visit.shared.exporting:
        file = await asyncio.to_thread(import_desk.report, visit.installation, visit.authority, bot_id, subject, kind)
    ending = "undo" if kind == UNDO else "report"
    return file_response(file, f"{subject}.{ending}.csv", "csv")


async def _begun(visit: Visit, bot_id: str, task: Task | None) -> None:
    """Have a task carried out by this process, and wait a moment whether it is a short one."""
    if task is None:
        return
    lane = LOOKS if task.kind == LOOK else CHANGES
    work = partial(tasks.carry_out, visit.installation, bot_id, task)
    future = visit.services.errands.put(lane, f"{task.kind} of import {task.subject}", work)
    await asyncio.wait([asyncio.wrap_future(future)], timeout=PATIENCE_SECONDS)


def _page(text: str) -> int:
    """Which page of the list is asked for; anything else than a number is the first."""
    return max(1, int(text)) if re.fullmatch("[0-9]{1,6}", text) else 1


def _look_path(bot_id: str, upload_id: str) -> str:
    return f"/console/bots/{bot_id}/imports/files/{upload_id}"


def _path(bot_id: str, import_id: str) -> str:
    return f"/console/bots/{bot_id}/imports/{import_id}"
