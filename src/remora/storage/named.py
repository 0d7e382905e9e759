"""Loads the statements of `queries/`, each with a name and a description.

A statement that both stores take stands in `queries/` itself; one that must differ stands once in each store's folder.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from msgspec import Struct

_BLOCK = re.compile(r"^-- name: (?P<name>\w+)\n(?P<about>(?:-- .*\n)+)(?P<text>[^;]+);\s*", re.MULTILINE)


class Statement(Struct, frozen=True):
    """One named statement; values are written `:name`."""

    name: str
    about: str
    text: str


@cache
def statements(dialect: str) -> dict[str, Statement]:
    """Every named statement of a store. ValueError if a file holds anything else, or a name stands twice."""
    queries = files("remora.storage").joinpath("queries")
    found: dict[str, Statement] = {}
    for file in (*_sql_files(queries), *_sql_files(queries.joinpath(dialect))):
        for statement in parse(file.read_text(encoding="utf-8"), file.name):
            if statement.name in found:
                raise ValueError(f"{file.name}: {statement.name} is defined twice")
            found[statement.name] = statement
    return found


def parse(text: str, source: str) -> list[Statement]:
    """Split a file into its statements: `-- name: x`, a description, the SQL, a semicolon."""
    parsed, position = [], 0
    while position < len(text):
        block = _BLOCK.match(text, position)
        if block is None:
            raise ValueError(f"{source}: not a named, described statement: {text[position : position + 60]!r}")
        about = " ".join(line.removeprefix("-- ") for line in block["about"].splitlines())
        parsed.append(Statement(block["name"], about, block["text"].strip()))
        position = block.end()
    return parsed


def _sql_files(folder: Traversable) -> list[Traversable]:
    return sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
