"""Downloads: what the shell's `export` prints, for the operator who asks."""

from __future__ import annotations

import tempfile
from typing import IO

from remora.service import export, journal_sheet, standing
from remora.service.authority import Authority
from remora.service.installation import Installation

WHATS, FORMS = ("clients", "journal"), ("csv", "jsonl")


def download(
    installation: Installation, authority: Authority, bot_id: str, what: str, form: str, at: int | None = None
) -> IO[bytes]:
    """A temporary file, to be closed by the caller: a bot's clients with their balances at an instant, or its journal.
    NoSuchBot refuses. It is made whole first, so that a fault gives no half file, and in one thread: a transaction is
    one thread's.
    """
    authority.reads(bot_id)
    if what == "clients":
        found = standing.standings(installation, bot_id, at)
        lines = standing.as_csv(found, bom=True) if form == "csv" else standing.as_lines(found)
    elif form == "csv":
        lines = journal_sheet.as_csv(installation, bot_id, bom=True)
    else:
        lines = export.export(installation, bot_id)
    out = tempfile.TemporaryFile()  # noqa: SIM115 (it is open as long as it is sent)
    try:
        out.writelines(lines)
        out.seek(0)
    except BaseException:
        out.close()
        raise
    return out
