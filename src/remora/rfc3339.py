"""Instants as text: RFC 3339 with an offset outside, UTC microseconds inside."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# `datetime.fromisoformat` also reads week dates and bare dates, and cuts off what is finer than a
# microsecond. RFC 3339 has none of the former, and we never change a caller's instant silently.
_SHAPE = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)


def parse(text: str) -> int:
    """Read an RFC 3339 instant with an offset, at most six decimals. ValueError says what is wrong."""
    if not _SHAPE.fullmatch(text):
        raise ValueError("must be an RFC 3339 time with an offset and at most 6 decimals, like 2030-01-31T23:59:59Z")
    try:
        instant = datetime.fromisoformat(text.upper())
        return (instant - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError) as problem:
        raise ValueError(f"is not a real time: {problem}") from problem


@lru_cache(maxsize=16)
def render(instant: int) -> str:
    """Write UTC microseconds as RFC 3339 in UTC, with as many decimals as it takes: once for the entries of a batch."""
    text = (_EPOCH + timedelta(microseconds=instant)).isoformat()
    return text.removesuffix("+00:00") + "Z"
