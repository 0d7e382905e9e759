"""Lists as one parameter of a statement: a JSON array, so that a statement is the same for any number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

_encode = msgspec.json.Encoder().encode

_NUL = b"\\u0000"


def array(values: Iterable[object]) -> str:
    """A JSON array of texts, numbers, or arrays of those, that somebody asks for. One that holds the character NUL
    is left out: no stored text does, and PostgreSQL does not take such a text.
    """
    asked = list(values)
    encoded = _encode(asked)
    if _NUL in encoded:
        encoded = _encode([value for value in asked if not _holds_nul(value)])
    return encoded.decode()


def table(rows: Iterable[Mapping[str, object]]) -> str:
    """A JSON array of rows by the names of their columns; bytes become base64."""
    return _encode(list(rows)).decode()


def _holds_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    return isinstance(value, Iterable) and any(map(_holds_nul, value))
