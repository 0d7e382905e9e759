"""Reports of imports: a row for each of the file's, to be opened in a spreadsheet, and what they add up to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from remora.service.cells import Cell, csv_lines
from remora.service.orders import entry_id
from remora.service.undoing import Undone
from remora.service.verdicts import GRANT, NEW, REFUSED, VERDICTS, Verdict

COLUMNS = ("line", "verdict", "platform", "platformClientId", "clientId", "points", "entryId", "detail")
UNDO_COLUMNS = ("line", "platform", "platformClientId", "clientId", "entryId", "granted", "taken", "lacking", "detail")


class Tally(Struct):
    """How many rows have which verdict; `points` are those that new and granted rows give, `again` are the granted ones
    whose client had points of another import before.
    """

    rows: dict[str, int] = field(default_factory=lambda: dict.fromkeys(VERDICTS, 0))
    points: int = 0
    again: int = 0

    def add(self, verdict: Verdict) -> None:
        self.rows[verdict.verdict] += 1
        if verdict.verdict in (NEW, GRANT):
            self.points += verdict.row.points
        self.again += verdict.verdict == GRANT and verdict.detail is not None

    @property
    def refused(self) -> int:
        return self.rows[REFUSED]


class UndoTally(Struct):
    """How many points were taken back, and of how many rows how many were lacking."""

    rows: int = 0
    taken: int = 0
    lacking: int = 0
    short_rows: int = 0

    def add(self, undone: Undone) -> None:
        self.rows += 1
        self.taken += undone.row.taken or 0
        self.lacking += undone.row.lacking or 0
        self.short_rows += bool(undone.row.lacking)


def of_import(verdicts: Iterable[Verdict], tally: Tally) -> Iterator[bytes]:
    """The report of `imports.check` or `imports.run`, as they go on; the tally counts along."""

    def rows() -> Iterator[list[Cell]]:
        for verdict in verdicts:
            tally.add(verdict)
            yield _cells(verdict)

    return csv_lines(COLUMNS, rows(), bom=True)


def of_undoing(undone: Iterable[Undone], tally: UndoTally) -> Iterator[bytes]:
    """The report of `undoing.undo`, as it goes on; the tally counts along."""

    def rows() -> Iterator[list[Cell]]:
        for each in undone:
            tally.add(each)
            yield _undo_cells(each)

    return csv_lines(UNDO_COLUMNS, rows(), bom=True)


def _cells(verdict: Verdict) -> list[Cell]:
    row, client_id = verdict.row, verdict.client_id or verdict.row.client_id
    entry = None if client_id is None or verdict.seq is None else entry_id(client_id, verdict.seq)
    known = (row.platform, row.platform_client_id, client_id, row.points or None, entry)
    return [row.line, verdict.verdict, *known, verdict.detail]


def _undo_cells(undone: Undone) -> list[Cell]:
    row, client = undone.row, undone.client
    taken, lacking = row.taken or 0, row.lacking or 0
    before = row.points - taken - lacking
    told = []
    if lacking:
        told.append(f"{lacking} were used, are held or have expired")
    if before:
        told.append(f"{before} had been taken back before")
    return [
        row.line,
        client.platform.value if client else None,
        client.platform_client_id if client else None,
        row.client_id,
        entry_id(row.client_id, row.seq),
        row.points,
        taken,
        lacking,
        "; ".join(told) or None,
    ]
