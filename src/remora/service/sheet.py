"""Reading a CSV file that a person, a spreadsheet or a program has made: its rows as texts, by the names of columns.

What is wrong with the file as a whole, so that it is uncertain what its rows say, refuses it with the line.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, NoReturn

from msgspec import Struct

from remora.errors import ImportRefused
from remora.service.cells import unguarded

MAX_ROW_BYTES = 65_536
"""A row, over all its lines, has at most so many bytes."""
SHOWN = 40
"""A message repeats at most so many characters of a file."""


class Columns(Struct, frozen=True):
    """The columns that a file may have: by their plain names (see `plain`) the names by which they are handed on, None
    for one that is passed over. `required` ones it must have.
    """

    names: Mapping[str, str | None]
    required: Sequence[str]
    told: str
    """The columns, as a message tells them."""


class Record(Struct, frozen=True):
    """One row: the line on which it begins, and its cells by the names of their columns; a column that the file has
    not is empty. `spare` says how many cells it has beyond the header's.
    """

    line: int
    cells: dict[str, str]
    spare: int = 0


def read(stream: IO[bytes], columns: Columns, done: Callable[[int], None]) -> Iterator[Record]:
    """The rows, in a row's memory. Rows with nothing in them are passed over. `done` is told how many bytes were
    read. ImportRefused says what is wrong with the file.
    """
    lines = _Lines(stream)
    reader = csv.reader(lines, strict=True)
    header: list[str | None] | None = None
    while True:
        first = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as problem:
            raise ImportRefused(f"line {first} is not CSV: {problem}; nothing was done") from problem
        done(lines.taken())
        if not any(cells):
            continue
        if header is None:
            header = _header(first, cells, columns)
        else:
            yield _record(first, cells, header, columns)
    if header is None:
        raise ImportRefused(f"the file is empty; its first row must name the columns: {columns.told}")


def plain(name: str) -> str:
    """A column's name without what people write differently: case, spaces, - and _."""
    return re.sub(r"[\s_-]", "", name).lower()


def shown(text: str) -> str:
    """A text of the file within a message."""
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")


class _Lines:
    """The file's lines as text. It reads no more at a time than a row may have."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._number = 0
        self._row_bytes = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = self._stream.readline(MAX_ROW_BYTES + 1 - self._row_bytes)
        if not raw:
            raise StopIteration
        self._number += 1
        self._row_bytes += len(raw)
        if self._row_bytes > MAX_ROW_BYTES:
            self._refuse(f"belongs to a row of more than {MAX_ROW_BYTES} bytes: a quotation mark may be missing before")
        if self._number == 1:
            if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                self._refuse("is UTF-16: save the file as CSV in UTF-8")
            raw = raw.removeprefix(codecs.BOM_UTF8)
        if b"\0" in raw:
            self._refuse("holds the character NUL: save the file as CSV in UTF-8")
        try:
            return raw.decode()
        except UnicodeDecodeError as problem:
            self._refuse(f"is not UTF-8, from byte {problem.start + 1} on: save the file as CSV in UTF-8")

    def taken(self) -> int:
        """How many bytes the row had that has now been read."""
        count, self._row_bytes = self._row_bytes, 0
        return count

    def _refuse(self, what: str) -> NoReturn:
        raise ImportRefused(f"line {self._number} {what}; nothing was done")


def _header(line: int, cells: Sequence[str], columns: Columns) -> list[str | None]:
    """The names of the file's columns, in its order."""
    names = [plain(unguarded(cell)) for cell in cells]
    unknown = [shown(cell) for cell, name in zip(cells, names, strict=True) if name not in columns.names]
    if unknown:
        hint = ": columns are parted by commas" if len(cells) == 1 and re.search(r"[;\t]", cells[0]) else ""
        raise ImportRefused(
            f"line {line} names columns that are unknown: {', '.join(unknown)}{hint}; known are {columns.told}"
        )
    header = [columns.names[name] for name in names]
    for name in header:
        if name is not None and header.count(name) > 1:
            raise ImportRefused(f"line {line} names the column {name} twice")
    missing = [name for name in columns.required if name not in header]
    if missing:
        raise ImportRefused(f"line {line} must name the columns; lacking are {', '.join(missing)}")
    return header


def _record(line: int, cells: Sequence[str], header: Sequence[str | None], columns: Columns) -> Record:
    # Spreadsheets leave out empty cells at the end of a row, so fewer than the header's are no fault.
    found = {name: "" for name in columns.names.values() if name is not None}
    found |= {name: unguarded(cell) for name, cell in zip(header, cells, strict=False) if name is not None}
    return Record(line, found, max(0, len(cells) - len(header)))
