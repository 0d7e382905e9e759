"""What the console does about imports, each verb for the operator who asks, whose Authority decides.

A verb that begins a task returns it, to be carried out by whoever called (`tasks.carry_out`); None if somebody is at it
already, or it is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from msgspec import Struct

from remora.errors import NoSuchImport, NoSuchUpload
from remora.model import NEVER, Bot
from remora.service import access, fields, findings, imports, tasks, uploads
from remora.service.authority import Authority
from remora.service.findings import Findings, UndoFindings
from remora.service.installation import Installation
from remora.service.tasks import DONE, RUN, UNDO
from remora.service.uploads import LOOK, STORING
from remora.storage import import_tasks
from remora.storage import imports as rows
from remora.storage.database import Transaction
from remora.storage.import_tasks import Task
from remora.storage.imports import Import

STATES = ("starting", "running", "stopped", "done", "undoing", "undo_stopped", "undone")


class Course(Struct, frozen=True):
    """A task, and whether somebody is at it."""

    task: Task
    under_way: bool


class Overview(Struct, frozen=True):
    """A bot's imports, and the uploads of the last day that were not imported, both newest first."""

    bot: Bot
    imports: Sequence[Standing]
    looks: Sequence[Course]


class Standing(Struct, frozen=True):
    """An import, and where it is: one of STATES. `known` is None while its file is being read."""

    import_id: str
    name: str
    state: str
    began_at: int
    operator: str | None
    known: Import | None


class Look(Struct, frozen=True):
    """An upload that is looked at, what was found, and the import that its file is known as, if there is one. `ran`
    says that this very upload was confirmed, or that its file was imported since it was looked at.
    """

    bot: Bot
    course: Course
    found: Findings | None
    known: Import | None
    ran: bool


class Result(Struct, frozen=True):
    """An import with the tasks that were done about it, as far as they are not forgotten. `file_is_there` says that
    it can be gone on with.
    """

    bot: Bot
    standing: Standing
    run: Course | None
    undo: Course | None
    found: Findings | None
    undo_found: UndoFindings | None
    file_is_there: bool


def overview(installation: Installation, authority: Authority, bot_id: str) -> Overview:
    """What was imported, or NoSuchBot."""
    authority.reads(bot_id)
    known = {each.import_id: each for each in imports.every(installation, bot_id)}
    now = installation.clock.now()
    with installation.database.read() as tx:
        bot = access.known_bot(tx, bot_id)
        every = import_tasks.every(tx, bot_id)
    by_name = {(task.subject, task.kind): task for task in every}
    import_ids = known.keys() | {task.subject for task in every if task.kind == RUN}
    found = [
        _standing(import_id, known.get(import_id), by_name.get((import_id, RUN)), by_name.get((import_id, UNDO)), now)
        for import_id in import_ids
    ]
    looks = [task for task in every if task.kind == LOOK and task.import_id not in import_ids and task.state != STORING]
    return Overview(
        bot,
        sorted(found, key=lambda each: (-each.began_at, each.import_id)),
        [_course(task, now) for task in looks],
    )


def look(installation: Installation, authority: Authority, bot_id: str, upload_id: str) -> Look:
    """An upload, or NoSuchUpload."""
    authority.changes(bot_id)
    _check_upload(upload_id)
    with installation.database.read() as tx:
        bot = access.known_bot(tx, bot_id)
        task = _upload(tx, bot_id, upload_id)
        known = run = None
        if task.import_id is not None:
            known = rows.find(tx, bot_id, task.import_id)
            run = import_tasks.find(tx, bot_id, task.import_id, RUN)
    found = findings.read(task.findings, Findings)
    ran = (run is not None and run.source == upload_id) or (
        known is not None and task.told_at < known.finished_at < NEVER
    )
    return Look(bot, _course(task, installation.clock.now()), found, known, ran)


def look_again(installation: Installation, authority: Authority, bot_id: str, upload_id: str) -> Task | None:
    """Look at an upload anew."""
    authority.changes(bot_id)
    _check_upload(upload_id)
    if not uploads.is_there(installation, bot_id, upload_id):
        raise NoSuchUpload("the file is forgotten: upload it again")
    with installation.database.write() as tx:
        return tasks.begin(installation, tx, bot_id, _upload(tx, bot_id, upload_id))


def confirm(installation: Installation, authority: Authority, bot_id: str, upload_id: str) -> tuple[str, Task | None]:
    """Run the import that an upload was found to be; its id. However often it is confirmed, it is run once."""
    authority.changes(bot_id)
    _check_upload(upload_id)
    is_there = uploads.is_there(installation, bot_id, upload_id)
    with installation.database.write() as tx:
        upload = _upload(tx, bot_id, upload_id)
        import_id = upload.import_id
        if import_id is None or upload.state != DONE:
            raise NoSuchUpload("the file was not looked at yet")
        run = import_tasks.find(tx, bot_id, import_id, RUN)
        known = rows.find(tx, bot_id, import_id)
        if run is not None and run.source == upload_id and run.state == DONE:
            return import_id, None
        if not is_there:
            if known is not None and known.finished_at != NEVER:
                return import_id, None
            raise NoSuchUpload("the file is forgotten: upload it again")
        return import_id, tasks.begin(installation, tx, bot_id, _run(upload, import_id, authority))


def go_on(installation: Installation, authority: Authority, bot_id: str, import_id: str) -> Task | None:
    """Go on with an import that was stopped; NoSuchUpload if its file is forgotten."""
    authority.changes(bot_id)
    _check_import(bot_id, import_id)
    upload = _file_of(installation, bot_id, import_id)
    with installation.database.write() as tx:
        known = rows.find(tx, bot_id, import_id)
        if upload is None:
            if known is None:
                raise _no_import(bot_id, import_id)
            if known.finished_at != NEVER:
                return None
            raise NoSuchUpload("the file is forgotten: upload it again")
        return tasks.begin(installation, tx, bot_id, _run(upload, import_id, authority))


def undo(installation: Installation, authority: Authority, bot_id: str, import_id: str) -> Task | None:
    """Take back what an import granted, or go on with that."""
    authority.changes(bot_id)
    _check_import(bot_id, import_id)
    with installation.database.write() as tx:
        known = rows.find(tx, bot_id, import_id)
        if known is None:
            raise _no_import(bot_id, import_id)
        if known.undone_at != NEVER:
            return None
        now = installation.clock.now()
        task = Task(import_id, UNDO, "", None, import_id, known.name, authority.operator, "", now, now)
        return tasks.begin(installation, tx, bot_id, task)


def result(installation: Installation, authority: Authority, bot_id: str, import_id: str) -> Result:
    """One import, or NoSuchImport."""
    authority.reads(bot_id)
    _check_import(bot_id, import_id)
    now = installation.clock.now()
    with installation.database.read() as tx:
        bot = access.known_bot(tx, bot_id)
        known = rows.find(tx, bot_id, import_id)
        run, undoing = (import_tasks.find(tx, bot_id, import_id, kind) for kind in (RUN, UNDO))
    if known is None and run is None:
        raise _no_import(bot_id, import_id)
    return Result(
        bot=bot,
        standing=_standing(import_id, known, run, undoing, now),
        run=None if run is None else _course(run, now),
        undo=None if undoing is None else _course(undoing, now),
        found=None if run is None else findings.read(run.findings, Findings),
        undo_found=None if undoing is None else findings.read(undoing.findings, UndoFindings),
        file_is_there=_file_of(installation, bot_id, import_id) is not None,
    )


def report(installation: Installation, authority: Authority, bot_id: str, subject: str, kind: str) -> IO[bytes]:
    """What a task that is done reports, as a temporary file to be closed by the caller; NoSuchUpload or NoSuchImport if
    there is none, or none any more.
    """
    if kind == LOOK:
        authority.changes(bot_id)
        _check_upload(subject)
    else:
        authority.reads(bot_id)
        _check_import(bot_id, subject)
    with installation.database.read() as tx:
        access.known_bot(tx, bot_id)
        task = import_tasks.find(tx, bot_id, subject, kind)
    if task is None or task.state != DONE:
        raise NoSuchUpload("there is no such report") if kind == LOOK else _no_import(bot_id, subject)
    return uploads.content(installation, bot_id, subject, kind)


def _run(upload: Task, import_id: str, authority: Authority) -> Task:
    now = upload.began_at
    return Task(import_id, RUN, "", upload.subject, import_id, upload.name, authority.operator, "", now, now)


def _upload(tx: Transaction, bot_id: str, upload_id: str) -> Task:
    task = import_tasks.find(tx, bot_id, upload_id, LOOK)
    if task is None or task.state == STORING:
        raise NoSuchUpload("there is no such upload, or it is forgotten: upload the file again")
    return task


def _file_of(installation: Installation, bot_id: str, import_id: str) -> Task | None:
    """The newest upload of an import whose content is still there."""
    with installation.database.read() as tx:
        looked = [task for task in import_tasks.every(tx, bot_id) if task.kind == LOOK and task.import_id == import_id]
    return next((task for task in looked if uploads.is_there(installation, bot_id, task.subject)), None)


def _check_upload(upload_id: str) -> None:
    """Raise NoSuchUpload of what cannot be an upload's id."""
    if not fields.IDENTIFIER.fullmatch(upload_id):
        raise NoSuchUpload("there is no such upload")


def _check_import(bot_id: str, import_id: str) -> None:
    """Raise NoSuchImport of what cannot be an import's id."""
    if not fields.IDENTIFIER.fullmatch(import_id):
        raise _no_import(bot_id, import_id)


def _course(task: Task, now: int) -> Course:
    return Course(task, tasks.is_under_way(task, now))


def _standing(import_id: str, known: Import | None, run: Task | None, undoing: Task | None, now: int) -> Standing:
    if known is None:
        assert run is not None, "what is no import yet is a task"
        state = "starting" if tasks.is_under_way(run, now) else "stopped"
        return Standing(import_id, run.name, state, run.began_at, run.operator, None)
    match imports.state(known):
        case "begun":
            state = "running" if tasks.is_under_way(run, now) else "stopped"
        case "undoing":
            state = "undoing" if tasks.is_under_way(undoing, now) else "undo_stopped"
        case other:
            state = other
    return Standing(import_id, known.name, state, known.began_at, known.began_by, known)


def _no_import(bot_id: str, import_id: str) -> NoSuchImport:
    return NoSuchImport(f"bot {bot_id} has no import {import_id}")
