"""Statements as PostgreSQL itself names and numbers their values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from string import ascii_lowercase

from msgspec import Struct

from remora.storage.named import statements

LIST = "= ANY (CAST(:ids AS text[]))"
"""What a statement says of a list of ids that it looks its rows up by."""

FEW = (1, 2, 4, 8)
"""Lists of at most so many have statements of their own."""


class Numbered(Struct, frozen=True):
    """A statement in the server's own terms, `$1` for the first of its values."""

    name: bytes
    text: bytes
    values: tuple[str, ...]


def numbered(name: str, text: str) -> Numbered:
    """A statement that says `:name` for a value."""
    order: dict[str, int] = {}
    text = re.sub(r":([a-z_]+)", lambda found: f"${order.setdefault(found[1], len(order) + 1)}", text)
    return Numbered(name.encode(), text.encode(), tuple(order))


@cache
def by_name() -> dict[str, Numbered]:
    """Every statement of this store."""
    return {name: numbered(name, each.text) for name, each in statements("postgresql").items()}


@cache
def for_few(name: str, size: int) -> tuple[Numbered, tuple[str, ...]]:
    """A statement for a list of so many ids, and what it calls each. The server keeps the plan of such a one. How long
    an array is it does not know, and believes in ten: what asks for fewer it would plan anew each time, which takes
    longer than looking them up.
    """
    ids = tuple(f"id_{letter}" for letter in ascii_lowercase[:size])
    return numbered(f"{name}_of_{size}", of_ids(statements("postgresql")[name].text, ids)), ids


def of_ids(text: str, ids: Iterable[str]) -> str:
    """A statement with these values in place of its list."""
    return text.replace(LIST, f"IN ({', '.join(f':{name}' for name in ids)})")
