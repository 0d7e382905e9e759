"""Tasks of imports, and the files that belong to them: what was uploaded, and what a task reports."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import asdict

from remora.storage.database import Transaction

FILE = "file"
"""The kind of the pieces of what was uploaded; those of a report are of the task's kind."""


class Task(Struct, frozen=True):
    """Something long that is done about an import: looking at an upload, running it, undoing it. `subject` is the
    upload's id where it is looked at, else the import's; `source` the upload that is run. `import_id` is None until
    the file was read. `done` of `total` are bytes while it is read, rows afterwards. `attempt` is another each time the
    task is begun.
    """

    subject: str
    kind: str
    attempt: str
    source: str | None
    import_id: str | None
    name: str
    operator: str
    state: str
    began_at: int
    told_at: int
    done: int = 0
    total: int = 0
    code: int | None = None
    problem: str | None = None
    findings: bytes | None = None


def begin(tx: Transaction, bot_id: str, task: Task, heard_since: int) -> bool:
    """Write a task that is to be carried out from its beginning; False if somebody is at it, who was heard of since an
    instant, and nothing is written.
    """
    return tx.run("task_begin", bot_id=bot_id, heard_since=heard_since, **asdict(task)) == 1


def save(tx: Transaction, bot_id: str, task: Task) -> bool:
    """Write how far a task is; False if somebody else has begun it anew, and nothing is written."""
    fixed = ("source", "name", "operator", "began_at")
    values = {name: value for name, value in asdict(task).items() if name not in fixed}
    return tx.run("task_save", bot_id=bot_id, **values) == 1


def find(tx: Transaction, bot_id: str, subject: str, kind: str) -> Task | None:
    row = tx.one("task_find", bot_id=bot_id, subject=subject, kind=kind)
    return Task(*row) if row else None


def every(tx: Transaction, bot_id: str) -> list[Task]:
    """A bot's tasks, the newest first, without what they found."""
    found = [Task(*row) for row in tx.all("tasks_of_bot", bot_id=bot_id)]
    return sorted(found, key=lambda task: (-task.began_at, task.subject, task.kind))


def remove(tx: Transaction, bot_id: str, task: Task) -> None:
    """Forget a task, unless it was begun anew meanwhile. Its pieces are forgotten before."""
    tx.run("task_remove", bot_id=bot_id, subject=task.subject, kind=task.kind, attempt=task.attempt)


def add_piece(tx: Transaction, bot_id: str, subject: str, kind: str, number: int, content: bytes) -> None:
    """Add a piece to a file; they are numbered from 1."""
    tx.run("piece_add", bot_id=bot_id, subject=subject, kind=kind, number=number, content=content)


def piece(tx: Transaction, bot_id: str, subject: str, kind: str, number: int) -> bytes | None:
    row = tx.one("piece_find", bot_id=bot_id, subject=subject, kind=kind, number=number)
    return row[0] if row else None


def remove_pieces(tx: Transaction, bot_id: str, subject: str, kind: str, most: int) -> bool:
    """Forget at most so many pieces of a file, from its beginning; whether there were any."""
    row = tx.one("pieces_first", bot_id=bot_id, subject=subject, kind=kind)
    if row is None or row[0] is None:
        return False
    last = row[0] + most - 1
    return tx.run("pieces_remove", bot_id=bot_id, subject=subject, kind=kind, last=last) > 0
