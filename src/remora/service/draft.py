"""The draft of an import: a file read once and checked by itself, whose rows can then be gone through again and again.

It takes memory for a few rows only, and temporary disk space of about the file's size, which goes with the process.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import IO, Any, Self, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from remora import rfc3339
from remora.errors import ImportRefused, InvalidField
from remora.model import MAX_POINTS, MICROSECONDS_PER_SECOND, Bot, Platform
from remora.service import fields, sheet
from remora.service.sheet import Columns, Record
from remora.storage.claims import Claims

ID_LENGTH = 16

_ALIASES: dict[str, tuple[str, ...]] = {
    "platform": (),
    "platformClientId": (),
    "clientId": ("encodedid",),
    "points": ("openingpoints",),
    "expiresAt": ("expiry",),
    "reason": (),
    "metadata": (),
}
CONTENT = tuple(_ALIASES)
PASSED_OVER = ("held", "nextExpiryAt", "nextExpiryPoints")
"""What `export clients` writes beside: it says how things were, and asks for nothing."""
COLUMNS = Columns(
    names={sheet.plain(alias): name for name, aliases in _ALIASES.items() for alias in (name, *aliases)}
    | {sheet.plain(name): None for name in PASSED_OVER},
    required=("platform", "platformClientId"),
    told=", ".join(CONTENT),
)

_PLATFORMS = {platform.lower(): platform for platform in Platform}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Read = TypeVar("Read")


class Row(Struct, frozen=True, array_like=True):
    """One row: `number` counts the rows from 1, `line` is where it begins. Without `points` it grants nothing. One that
    cannot be carried out whatever the bot's clients are says so in `refusal`; of its ids it has what the file says.
    """

    number: int
    line: int
    platform: str
    platform_client_id: str
    client_id: str | None = None
    points: int = 0
    expires_at: int | None = None
    reason: str | None = None
    metadata: dict[str, Any] | None = None
    refusal: str | None = None


class Draft:
    """The rows of a file for one bot. `import_id` follows from the bot and from what the file says, however it is
    written: order of columns, quotes, line ends and BOM do not matter. Close it, or use it in a `with`.
    """

    def __init__(self, bot: Bot) -> None:
        self.bot = bot
        self.count = 0
        self.claims = Claims()
        self._rows = tempfile.TemporaryFile()  # noqa: SIM115 (it is open as long as the draft is)
        self._hash = hashlib.sha256(msgspec.json.encode(bot.bot_id))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the temporary files back."""
        self._rows.close()
        self.claims.close()

    @property
    def import_id(self) -> str:
        return self._hash.hexdigest()[:ID_LENGTH]

    def batches(self, most: int) -> Iterator[list[Row]]:
        """All rows in order, at most so many at a time."""
        self._rows.seek(0)
        decoder = msgspec.json.Decoder(Row)
        while lines := list(islice(self._rows, most)):
            yield [decoder.decode(line) for line in lines]

    def take(self, record: Record) -> int:
        """Add the file's next row; how many points it wants to grant."""
        self.count += 1
        self._hash.update(msgspec.json.encode([record.cells[name] for name in CONTENT]))
        row = _row(self.count, record, self.bot)
        if row.refusal is None:
            row = self._claimed(row)
        self._rows.write(msgspec.json.encode(row) + b"\n")
        return row.points if row.refusal is None else 0

    def _claimed(self, row: Row) -> Row:
        """A client is one row's, and an encoded id that is brought along too: the first's."""
        first = self.claims.claim(row.line, "client", row.platform, row.platform_client_id)
        if first is not None:
            return msgspec.structs.replace(row, refusal=f"line {first} is about the same client")
        if row.client_id is not None:
            first = self.claims.claim(row.line, "id", row.client_id)
            if first is not None:
                return msgspec.structs.replace(row, refusal=f"line {first} brings the same clientId")
        return row


def read(stream: IO[bytes], bot: Bot, done: Callable[[int], None] = lambda _: None) -> Draft:
    """Read a CSV file; `done` is told how many bytes were read. ImportRefused where it cannot be read as a whole."""
    try:
        draft = Draft(bot)
        try:
            _fill(draft, stream, done)
        except BaseException:
            draft.close()
            raise
    except (OSError, sqlite3.Error) as problem:
        raise ImportRefused(f"the file cannot be read, or there is no room for temporary files: {problem}") from problem
    return draft


def _fill(draft: Draft, stream: IO[bytes], done: Callable[[int], None]) -> None:
    points = 0
    for record in sheet.read(stream, COLUMNS, done):
        points += draft.take(record)
        if points > MAX_POINTS:
            raise ImportRefused(f"line {record.line}: by here the file grants more than {MAX_POINTS} points in all")
    if not draft.count:
        raise ImportRefused("the file has no rows, only a header")


class _Problems(list[str]):
    """What is wrong with a row: all of it is told at once."""

    def tried(self, read: Callable[[str], Read], text: str) -> Read | None:
        """What a cell says; None if it is empty, or wrong."""
        if not text:
            return None
        try:
            return read(text)
        except InvalidField as problem:
            self.append(problem.message)
            return None


def _row(number: int, record: Record, bot: Bot) -> Row:
    cells, problems = record.cells, _Problems()
    if record.spare:
        problems.append(f"the row has {record.spare} cells more than the header")
    problems += [f"{name} is required" for name in COLUMNS.required if not cells[name]]
    platform = problems.tried(_platform, cells["platform"])
    theirs = problems.tried(_platform_client_id, cells["platformClientId"])
    client_id = problems.tried(lambda text: fields.identifier("clientId", text), cells["clientId"])
    points = problems.tried(_points, cells["points"].strip())
    expires_at = problems.tried(lambda text: _expires_at(text, bot.time_zone), cells["expiresAt"].strip())
    reason = problems.tried(lambda text: fields.text("reason", text), cells["reason"])
    metadata = problems.tried(_metadata, cells["metadata"])
    if problems:
        asked = (cells["platform"], cells["platformClientId"], cells["clientId"] or None)
        return Row(number, record.line, *asked, refusal="; ".join(problems))
    assert platform is not None
    assert theirs is not None
    return Row(number, record.line, platform, theirs, client_id, points or 0, expires_at, reason, metadata)


def _platform(text: str) -> str:
    platform = _PLATFORMS.get(text.strip().lower())
    if platform is None:
        raise InvalidField(f"platform must be one of {', '.join(Platform)}, not {sheet.shown(text)}")
    return platform.value


def _platform_client_id(text: str) -> str:
    return fields.text("platformClientId", text, fields.MAX_PLATFORM_CLIENT_ID)


def _points(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,16}", text) or int(text) > MAX_POINTS:
        raise InvalidField(f"points must be a whole number from 0 to {MAX_POINTS}, not {sheet.shown(text)}")
    return int(text)


def _expires_at(text: str, zone: str) -> int:
    """An instant; or a date: the last day on which the points can be used, in the bot's time zone."""
    try:
        if not _DATE.fullmatch(text):
            return rfc3339.parse(text)
        after = datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), ZoneInfo(zone))
        return (after - _EPOCH) // timedelta(seconds=1) * MICROSECONDS_PER_SECOND
    except (ValueError, OverflowError) as problem:
        raise InvalidField(
            f"expiresAt must be a date like 2030-01-31, or a time with an offset like 2030-01-31T23:59:59Z, "
            f"not {sheet.shown(text)}"
        ) from problem


def _metadata(text: str) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError, UnicodeError) as problem:
        raise InvalidField(f"metadata must be a JSON object: {problem}") from problem
    return fields.metadata(value)
