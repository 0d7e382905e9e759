"""Tasks: looking at an upload, running an import, undoing it, each carried out in a thread of some server.

How far a task is stands in the database, where every process sees it. One that was not heard of for a minute is
nobody's any more, and may be begun anew. If it was somebody's after all, nothing is done twice: batches lock their
import, and whoever has lost the task is told so with the next thing that they write about it.
"""

from __future__ import annotations

import secrets
import time
import zlib
from collections.abc import Callable, Iterable

from msgspec.structs import replace

from remora.errors import InternalError, NoSuchUpload, Refusal
from remora.model import MICROSECONDS_PER_SECOND
from remora.service import findings, imports, undoing, uploads
from remora.service import import_report as reports
from remora.service.findings import Findings, UndoFindings
from remora.service.installation import Installation
from remora.service.pace import paced
from remora.service.uploads import LOOK, PIECE_BYTES, WAITING
from remora.storage import import_tasks
from remora.storage.database import Transaction
from remora.storage.import_tasks import Task

RUN, UNDO = "run", "undo"
READING, RUNNING, DONE, STOPPED, FAILED = "reading", "running", "done", "stopped", "failed"
UNDER_WAY = (WAITING, READING, RUNNING)
SILENCE = 60 * MICROSECONDS_PER_SECOND
TOLD_EACH_SECONDS = 1.0

Going = Callable[[], bool]
"""Whether the server goes on; a task ends after its batch if it does not."""


class _StoppedError(Exception):
    """The server stops."""


class _SupersededError(Exception):
    """Somebody else has begun the task anew."""


def is_under_way(task: Task | None, now: int) -> bool:
    """Whether somebody is at it, as far as one knows."""
    return task is not None and task.state in UNDER_WAY and task.told_at >= now - SILENCE


def begin(installation: Installation, tx: Transaction, bot_id: str, task: Task) -> Task | None:
    """Write a task that is to be carried out, in a new attempt; None if somebody is at it."""
    now = installation.clock.now()
    begun = replace(
        task,
        attempt=secrets.token_hex(8),
        state=WAITING,
        began_at=now,
        told_at=now,
        done=0,
        total=0,
        code=None,
        problem=None,
        findings=None,
    )
    return begun if import_tasks.begin(tx, bot_id, begun, now - SILENCE) else None


def carry_out(installation: Installation, bot_id: str, task: Task, going: Going) -> None:
    """Carry a task out that was begun. What comes of it, refusals too, is written down beside it."""
    course = _Course(installation, bot_id, task, going)
    try:
        course.start()
        if task.kind == UNDO:
            _undo(course)
        else:
            _read(course)
    except _SupersededError:
        return
    except _StoppedError:
        course.end(STOPPED)
    except Refusal as refusal:
        course.end(FAILED, code=refusal.code, problem=refusal.message)
    except Exception:
        course.end(FAILED, code=InternalError.code, problem="a fault of ours; the server's log tells more")
        raise


class _Course:
    """How one task goes. What it tells goes to the database about once a second; what it reports in pieces."""

    def __init__(self, installation: Installation, bot_id: str, task: Task, going: Going) -> None:
        self.installation = installation
        self.bot_id = bot_id
        self.task = task
        self._going = going
        self._told = 0.0
        self._pieces = 0

    def start(self) -> None:
        """Take the task on, and forget what an attempt before has reported."""
        self._save()
        uploads.forget_file(self.installation, self.bot_id, self.task.subject, self.task.kind)

    def enter(self, state: str, total: int, import_id: str | None = None) -> None:
        """Go over to another part of the task."""
        self.task = replace(self.task, state=state, done=0, total=total, import_id=import_id or self.task.import_id)
        self._save()

    def done(self, count: int) -> None:
        """So much more is done, and on disk. Here a server that stops leaves it."""
        self.task = replace(self.task, done=self.task.done + count)
        if not self._going():
            raise _StoppedError
        if time.monotonic() - self._told > TOLD_EACH_SECONDS:
            self._save()

    def report(self, lines: Iterable[bytes]) -> None:
        """Keep a report as it is made."""
        waiting = bytearray()
        for line in lines:
            waiting += line
            if len(waiting) >= PIECE_BYTES:
                self._keep(bytes(waiting))
                waiting.clear()
        self._keep(bytes(waiting))

    def end(
        self, state: str, *, found: bytes | None = None, code: int | None = None, problem: str | None = None
    ) -> None:
        """Write down what came of it."""
        self.task = replace(self.task, state=state, findings=found, code=code, problem=problem)
        try:
            self._save()
        except _SupersededError:
            return

    def _keep(self, raw: bytes) -> None:
        self._pieces += 1
        piece = zlib.compress(raw, 1)
        with paced(self.installation), self.installation.database.write() as tx:
            self._save_in(tx)
            import_tasks.add_piece(tx, self.bot_id, self.task.subject, self.task.kind, self._pieces, piece)

    def _save(self) -> None:
        with self.installation.database.write() as tx:
            self._save_in(tx)

    def _save_in(self, tx: Transaction) -> None:
        self.task = replace(self.task, told_at=self.installation.clock.now())
        if not import_tasks.save(tx, self.bot_id, self.task):
            raise _SupersededError
        self._told = time.monotonic()


def _read(course: _Course) -> None:
    """Look at an upload, or run it."""
    installation, bot_id, task = course.installation, course.bot_id, course.task
    upload_id = task.subject if task.source is None else task.source
    with uploads.content(installation, bot_id, upload_id, import_tasks.FILE) as file:
        size = file.seek(0, 2)
        file.seek(0)
        course.enter(READING, size)
        with imports.read(installation, bot_id, file, course.done) as drafted:
            if task.kind == RUN and drafted.import_id != task.subject:
                raise NoSuchUpload("the file is being forgotten: upload it again")
            course.enter(RUNNING, drafted.count, drafted.import_id)
            found = Findings()
            verdicts = (
                imports.run(installation, drafted, task.name, course.done, task.operator)
                if task.kind == RUN
                else imports.check(installation, drafted, course.done)
            )
            course.report(reports.of_import(found.seen(verdicts), found.tally))
    course.end(DONE, found=findings.kept(found))
    if task.kind == RUN:
        _forget_uploads(installation, bot_id, task.subject)


def _undo(course: _Course) -> None:
    installation, bot_id, import_id = course.installation, course.bot_id, course.task.subject
    course.enter(RUNNING, imports.show(installation, bot_id, import_id).grants, import_id)
    found = UndoFindings()
    undone = undoing.undo(installation, bot_id, import_id, course.done, course.task.operator)
    course.report(reports.of_undoing(found.seen(undone), found.tally))
    course.end(DONE, found=findings.kept(found))
    _forget_uploads(installation, bot_id, import_id)


def _forget_uploads(installation: Installation, bot_id: str, import_id: str) -> None:
    """Forget the files of an import that is finished; that they were looked at is known on until a day is over."""
    with installation.database.read() as tx:
        looked = [task for task in import_tasks.every(tx, bot_id) if task.kind == LOOK and task.import_id == import_id]
    for each in looked:
        uploads.forget_file(installation, bot_id, each.subject)
