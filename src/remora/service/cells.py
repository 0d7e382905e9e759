"""Cells of CSV files that people open in a spreadsheet, which takes a text that begins in certain ways for a formula.

Such a text is written with a ' before it, and read without it. A text that would be read without one of its own gets
one more, so that every text comes back as it was: `+886` as `'+886`, `'+886` as `''+886`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence

Cell = str | int | None

# The wide ones are taken for the others by spreadsheets in Chinese and Japanese.
_LEADS = "[=+\\-@\t\r\n＝＋－＠]"  # noqa: RUF001 (they are meant)
_LOOKS_LIKE_FORMULA = re.compile(f"'*{_LEADS}")
_GUARDED = re.compile(f"'+{_LEADS}")


def guarded(text: str) -> str:
    """The text as no spreadsheet computes it."""
    return f"'{text}" if _LOOKS_LIKE_FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """The text that was guarded; any other as it is."""
    return text[1:] if _GUARDED.match(text) else text


def csv_lines(columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, bom: bool = False) -> Iterator[bytes]:
    """A CSV file (RFC 4180, UTF-8) row by row, its header first. Texts are guarded; numbers are numbers, with their
    sign. With `bom` spreadsheets see that it is UTF-8.
    """
    line = _Line()
    writer = csv.writer(line)
    writer.writerow(columns)
    yield ("\ufeff" if bom else "").encode() + line.taken()
    for row in rows:
        writer.writerow([guarded(cell) if isinstance(cell, str) else cell for cell in row])
        yield line.taken()


class _Line:
    """What the writer has written of one row."""

    def __init__(self) -> None:
        self._text = ""

    def write(self, text: str) -> None:
        self._text = text

    def taken(self) -> bytes:
        return self._text.encode()
