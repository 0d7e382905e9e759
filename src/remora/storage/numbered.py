"""Statements as PostgreSQL itself names and numbers their values."""

from __future__ import annotations

import re
from functools import cache

from msgspec import Struct

from remora.storage.named import statements


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
