"""The console's style sheet, script and icon, under names that change with what is in them."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from msgspec import Struct

from remora.errors import PathUnknown

TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
FILES = ("console.css", "console.js", "icon.svg")


class Asset(Struct, frozen=True):
    """A file as it is served."""

    name: str
    content: bytes
    content_type: str


@cache
def assets() -> dict[str, Asset]:
    """Every file by its own name."""
    found = {}
    for file in FILES:
        content = files("remora.web.console").joinpath("assets", file).read_bytes()
        stem, _, kind = file.partition(".")
        digest = hashlib.sha256(content).hexdigest()[:16]
        found[file] = Asset(f"{stem}.{digest}.{kind}", content, TYPES[kind])
    return found


def path(file: str) -> str:
    """Where a file is served."""
    return f"/console/assets/{assets()[file].name}"


def asset(name: str) -> Asset:
    """What is served under a name; PathUnknown, also for one of another version."""
    for each in assets().values():
        if each.name == name:
            return each
    raise PathUnknown("nothing is served at this path")
