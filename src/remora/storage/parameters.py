"""Lists as parameters of a statement, so that it is the same for any number: a JSON array of what is asked for, and
an array of PostgreSQL's for each column of what is written, and for the ids of a look-up, which it reads quicker.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

from remora.storage.database import Row

_encode = msgspec.json.Encoder().encode

_NUL = b"\\u0000"

# A backslash before a backslash is looked at too: at worst a list is spelled the longer way.
_ESCAPED = re.compile(rb'\\[^"\\]')


def array(values: Iterable[object]) -> str:
    """A JSON array of texts, numbers, or arrays of those, that somebody asks for. One that holds the character NUL
    is left out: no stored text does, and PostgreSQL does not take such a text.
    """
    asked = list(values)
    encoded = _encode(asked)
    if _NUL in encoded:
        encoded = _encode([value for value in asked if not _holds_nul(value)])
    return encoded.decode()


def ids(values: Sequence[str]) -> str:
    """An array of PostgreSQL's of texts that somebody asks for; as in `array`, none that holds the character NUL. In
    the order of an index, into which the server would else bring them itself, and take longer.
    """
    if has_nul(values):
        values = [value for value in values if "\0" not in value]
    return _array_of(sorted(values))


def has_nul(values: Sequence[str]) -> bool:
    """Whether any of these texts holds the character NUL."""
    return "\0" in "".join(values)


def columns(rows: Iterable[Row]) -> list[str]:
    """Of rows that there are, an array of PostgreSQL's for each column; bytes become base64."""
    return [_array_of(column) for column in zip(*rows, strict=True)]


def _array_of(values: Sequence[object]) -> str:
    """It is spelled like one of JSON's but for the brackets, and for what a backslash says of control characters."""
    encoded = _encode(values)
    if b"\\" in encoded and _ESCAPED.search(encoded):
        encoded = b"[%s]" % b",".join(map(_spelled, values))
    return "{" + encoded[1:-1].decode() + "}"


def _spelled(value: object) -> bytes:
    if not isinstance(value, str):
        return _encode(value)
    return b'"%s"' % value.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def _holds_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    return isinstance(value, Iterable) and any(map(_holds_nul, value))
