"""Bounds of the texts that people and programs give us, in one place for web and shell."""

from __future__ import annotations

import re
import unicodedata

from remora.errors import InvalidField

MAX_IDENTIFIER = 64
MAX_PLATFORM_CLIENT_ID = 256
MAX_TEXT = 500
MAX_KEY = 128

_IDENTIFIER = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_IDENTIFIER}}}", re.ASCII)
_VISIBLE_ASCII = re.compile(rf"[!-~]{{1,{MAX_KEY}}}", re.ASCII)


def identifier(field: str, value: str) -> str:
    """A bot id or an encoded client id."""
    if not _IDENTIFIER.fullmatch(value):
        raise InvalidField(f"{field} must be 1 to {MAX_IDENTIFIER} letters, digits, - or _")
    return value


def text(field: str, value: str, most: int = MAX_TEXT) -> str:
    """Text for people, or a platform's id: no control characters, and nothing that is not Unicode."""
    if not 1 <= len(value) <= most:
        raise InvalidField(f"{field} must be 1 to {most} characters long")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise InvalidField(f"{field} must not hold control characters or broken Unicode")
    return value


def key(value: str) -> str:
    """An idempotency key."""
    if not _VISIBLE_ASCII.fullmatch(value):
        raise InvalidField(f"key must be 1 to {MAX_KEY} visible ASCII characters")
    return value
