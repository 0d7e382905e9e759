"""Uploads: a form with a file, read as it comes. Nothing of the file is taken before the form is known to be ours."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from typing import IO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.types import Receive, Scope

from remora.errors import BodyTooLarge, InvalidField
from remora.web.body import ClientGone
from remora.web.console import forms

TYPE = b"multipart/form-data"
MOST_FIELD_BYTES = 4_096
MOST_FIELDS = 10
MOST_BESIDE = 64 * 1024
"""A form may have so many bytes more than its file."""
WRITTEN_AT_ONCE = 256 * 1024


@dataclass
class Upload:
    """A file that was sent: its name, as the sender gives it, and its content in a temporary file, from the beginning.
    Whoever takes it closes it.
    """

    name: str
    size: int
    content: IO[bytes]


async def read(scope: Scope, receive: Receive, token: str | None, most: int) -> Upload:
    """The file of a form that was sent by a page of ours to whom `token` was given: of at most `most` bytes, and in
    memory never more than a few pieces of it. FormRefused, InvalidField and BodyTooLarge refuse; what is too large is
    not kept.
    """
    forms.check_origin(scope)
    given, options = parse_options_header(forms.header(scope, b"content-type"))
    boundary = options.get(b"boundary")
    if given != TYPE or not boundary:
        raise InvalidField("a form with a file must be multipart/form-data")
    parts = _Parts(token, most)
    out = tempfile.TemporaryFile()  # noqa: SIM115 (it is handed on)
    try:
        await _receive(receive, MultipartParser(boundary, parts.callbacks()), parts, out)  # type: ignore[arg-type]  # theirs is a TypedDict of the same
        parts.check_whole()
        out.seek(0)
    except FormParserError as problem:
        out.close()
        raise InvalidField("the form cannot be read") from problem
    except BaseException:
        out.close()
        raise
    return Upload(parts.file_name or "", parts.size, out)


async def _drain(receive: Receive, most: int) -> None:
    """Throw away what is still coming, up to as much again as a file may have: a browser shows no answer before it has
    sent all it wants to.
    """
    size = 0
    while size <= most:
        message = await receive()
        size += len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return


def _too_large(most: int) -> BodyTooLarge:
    return BodyTooLarge(f"the file may have at most {most} bytes")


async def _receive(receive: Receive, parser: MultipartParser, parts: _Parts, out: IO[bytes]) -> None:
    left = parts.most + MOST_BESIDE
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        last = not message.get("more_body")
        left -= len(message.get("body", b""))
        try:
            if left < 0:
                raise _too_large(parts.most)
            parser.write(message.get("body", b""))
        except BodyTooLarge:
            if not last:
                await _drain(receive, parts.most)
            raise
        if parts.waiting and (last or len(parts.waiting) >= WRITTEN_AT_ONCE):
            await asyncio.to_thread(out.write, bytes(parts.waiting))
            parts.waiting.clear()
        if last:
            parser.finalize()
            return


@dataclass
class _Parts:
    """What the parser comes upon, part by part. Of headers it takes few and short ones only."""

    token: str | None
    most: int
    fields: dict[str, str] = field(default_factory=dict)
    file_name: str | None = None
    size: int = 0
    waiting: bytearray = field(default_factory=bytearray)
    _header: tuple[bytearray, bytearray] = field(default_factory=lambda: (bytearray(), bytearray()))
    _disposition: bytes = b""
    _field: str = ""
    _value: bytearray = field(default_factory=bytearray)
    _in_file: bool = False
    _ended: bool = False
    _count: int = 0

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._begin,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_end": self._finish,
        }

    def check_whole(self) -> None:
        """Raise unless the form came to its end, with a file."""
        if not self._ended:
            raise InvalidField("the form ends too early")
        if self.file_name is None:
            raise InvalidField("the form has no file")

    def _begin(self) -> None:
        self._count += 1
        if self._count > MOST_FIELDS:
            raise InvalidField(f"the form may have at most {MOST_FIELDS} fields")
        self._disposition, self._in_file = b"", False
        self._value.clear()

    def _header_end(self) -> None:
        name, value = self._header
        if bytes(name).lower() == b"content-disposition":
            self._disposition = bytes(value)
        name.clear()
        value.clear()

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._field = options.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" not in options:
            return
        # From here on it is the file's content: it is taken from a page of this very session, or not at all.
        forms.check_secret(self.token, self.fields.get(forms.CSRF, ""))
        if self.file_name is not None:
            raise InvalidField("the form may have one file")
        self.file_name = options[b"filename"].decode("utf-8", "replace")
        self._in_file = True

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self.size += end - start
            if self.size > self.most:
                raise _too_large(self.most)
            self.waiting += data[start:end]
        else:
            self._value += data[start:end]
            if len(self._value) > MOST_FIELD_BYTES:
                raise InvalidField(f"a field of the form may have at most {MOST_FIELD_BYTES} bytes")

    def _end(self) -> None:
        if not self._in_file:
            self.fields[self._field] = self._value.decode("utf-8", "replace")

    def _finish(self) -> None:
        self._ended = True
