"""Findings: what a task of an import has come upon, short enough for a page: the sums, and some of the rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec
from msgspec import Struct, field

from remora.service.import_report import Tally, UndoTally
from remora.service.undoing import Undone
from remora.service.verdicts import REFUSED, Verdict

MOST_REFUSED = 100
MOST_OTHERS = 20
MOST_SHOWN = 200
"""A cell of a row that is refused may be as long as a row; so many characters of it are told."""

Found = TypeVar("Found", bound="Findings | UndoFindings")


class Told(Struct, frozen=True):
    """One row, as a page tells it."""

    line: int
    verdict: str
    platform: str
    platform_client_id: str
    client_id: str | None
    points: int
    detail: str | None


class Findings(Struct):
    """Of a look or a run: the first rows that were refused, and the first of the others."""

    tally: Tally = field(default_factory=Tally)
    refused: list[Told] = field(default_factory=list)
    others: list[Told] = field(default_factory=list)

    def seen(self, verdicts: Iterable[Verdict]) -> Iterator[Verdict]:
        """The same verdicts, noted as they go by."""
        for verdict in verdicts:
            rows, most = (self.refused, MOST_REFUSED) if verdict.verdict == REFUSED else (self.others, MOST_OTHERS)
            if len(rows) < most:
                rows.append(_told(verdict))
            yield verdict


class Short(Struct, frozen=True):
    """A row not all of whose points could be taken back."""

    line: int
    client_id: str
    granted: int
    taken: int
    lacking: int


class UndoFindings(Struct):
    """Of an undoing: the first rows that were short."""

    tally: UndoTally = field(default_factory=UndoTally)
    short: list[Short] = field(default_factory=list)

    def seen(self, undone: Iterable[Undone]) -> Iterator[Undone]:
        """The same rows, noted as they go by."""
        for each in undone:
            row = each.row
            if row.lacking and len(self.short) < MOST_REFUSED:
                self.short.append(Short(row.line, row.client_id, row.points, row.taken or 0, row.lacking))
            yield each


def kept(findings: Findings | UndoFindings) -> bytes:
    """As it is kept beside the task."""
    return msgspec.json.encode(findings)


def read(content: bytes | None, kind: type[Found]) -> Found | None:
    return None if content is None else msgspec.json.decode(content, type=kind)


def _told(verdict: Verdict) -> Told:
    row = verdict.row
    return Told(
        line=row.line,
        verdict=verdict.verdict,
        platform=_cut(row.platform),
        platform_client_id=_cut(row.platform_client_id),
        client_id=_cut(verdict.client_id or row.client_id or "") or None,
        points=row.points,
        detail=verdict.detail,
    )


def _cut(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
