"""Lists as one parameter of a statement: a JSON array, so that a statement is the same for any number."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

_encode = msgspec.json.Encoder().encode


def array(values: Iterable[object]) -> str:
    """A JSON array of texts, numbers, or arrays of those."""
    return _encode(list(values)).decode()
