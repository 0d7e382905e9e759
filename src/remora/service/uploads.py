"""Uploads: files to import, kept in the database from the look to the run, so that any process of any host has them.

They are kept in pieces, a small transaction each: whoever writes beside it waits for hundredths of a second at most.
"""

from __future__ import annotations

import secrets
import tempfile
import zlib
from collections.abc import Iterator
from itertools import count
from typing import IO

from msgspec.structs import replace

from remora.errors import NoSuchUpload
from remora.model import MICROSECONDS_PER_SECOND
from remora.service import access
from remora.service.authority import Authority
from remora.service.imports import printable
from remora.service.installation import Installation
from remora.service.pace import paced
from remora.storage import import_tasks
from remora.storage.import_tasks import FILE, Task

LOOK = "look"
STORING, WAITING = "storing", "waiting"
PIECE_BYTES = 256 * 1024
LIFE = 86_400 * MICROSECONDS_PER_SECOND
"""An upload is kept for a day, or until it is imported."""
REPORT_LIFE = 30 * LIFE
PIECES_AT_ONCE = 8


def keep(installation: Installation, authority: Authority, bot_id: str, name: str, stream: IO[bytes]) -> Task:
    """Keep a file that an operator has uploaded, to be looked at. NoSuchBot and NotAllowed refuse. What nobody needs
    any more is forgotten first.
    """
    authority.changes(bot_id)
    with installation.database.read() as tx:
        access.known_bot(tx, bot_id)
    forget_old(installation, bot_id)
    now = installation.clock.now()
    task = Task(
        # Longer than an import's id, so that neither is ever taken for the other.
        subject=secrets.token_hex(16),
        kind=LOOK,
        attempt=secrets.token_hex(8),
        source=None,
        import_id=None,
        name=printable(name),
        operator=authority.operator,
        state=STORING,
        began_at=now,
        told_at=now,
    )
    with installation.database.write() as tx:
        import_tasks.begin(tx, bot_id, task, now)
    for number in count(1):
        raw = stream.read(PIECE_BYTES)
        if not raw and number > 1:
            break
        piece = zlib.compress(raw, 1)
        with paced(installation), installation.database.write() as tx:
            import_tasks.add_piece(tx, bot_id, task.subject, FILE, number, piece)
    # Only a file that is there whole is ever read: half of one would be another import.
    kept = replace(task, state=WAITING, told_at=installation.clock.now())
    with installation.database.write() as tx:
        import_tasks.save(tx, bot_id, kept)
    return kept


def is_there(installation: Installation, bot_id: str, upload_id: str) -> bool:
    """Whether the upload's content is still kept."""
    with installation.database.read() as tx:
        return import_tasks.piece(tx, bot_id, upload_id, FILE, 1) is not None


def content(installation: Installation, bot_id: str, subject: str, kind: str) -> IO[bytes]:
    """A file that is kept, as a temporary one, to be closed by the caller; NoSuchUpload if there is none."""
    out = tempfile.TemporaryFile()  # noqa: SIM115 (it is open as long as it is read)
    try:
        for raw in _pieces(installation, bot_id, subject, kind):
            out.write(raw)
        out.seek(0)
    except BaseException:
        out.close()
        raise
    return out


def _pieces(installation: Installation, bot_id: str, subject: str, kind: str) -> Iterator[bytes]:
    for number in count(1):
        with installation.database.read() as tx:
            piece = import_tasks.piece(tx, bot_id, subject, kind, number)
        if piece is not None:
            yield zlib.decompress(piece)
        elif number == 1:
            raise NoSuchUpload("the file is forgotten: upload it again")
        else:
            return


def forget_file(installation: Installation, bot_id: str, subject: str, kind: str = FILE) -> None:
    """Forget a file's pieces, some at a time."""
    while True:
        with paced(installation), installation.database.write() as tx:
            if not import_tasks.remove_pieces(tx, bot_id, subject, kind, PIECES_AT_ONCE):
                return


def old(installation: Installation, bot_id: str) -> list[Task]:
    """The uploads of more than a day ago, and the reports of more than 30 days ago."""
    now = installation.clock.now()
    with installation.database.read() as tx:
        every = import_tasks.every(tx, bot_id)
    return [task for task in every if task.told_at < now - (LIFE if task.kind == LOOK else REPORT_LIFE)]


def forget_old(installation: Installation, bot_id: str) -> int:
    """Forget what is `old`; how many files."""
    found = old(installation, bot_id)
    for task in found:
        for kind in (FILE, task.kind):
            forget_file(installation, bot_id, task.subject, kind)
        with installation.database.write() as tx:
            import_tasks.remove(tx, bot_id, task)
    return len(found)
