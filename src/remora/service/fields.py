"""Bounds of the texts that people and programs give us, in one place for web and shell."""

from __future__ import annotations

import re
import unicodedata
from typing import Any
from zoneinfo import available_timezones

import msgspec

from remora.errors import InvalidField
from remora.ledger import expiry

MAX_IDENTIFIER = 64
MAX_PLATFORM_CLIENT_ID = 256
MAX_TEXT = 500
MAX_KEY = 128
MAX_METADATA_BYTES = 4096
MAX_METADATA_LEVELS = 32

KEY_FORM = f"1 to {MAX_KEY} visible ASCII characters"

IDENTIFIER = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_IDENTIFIER}}}", re.ASCII)
_VISIBLE_ASCII = re.compile(rf"[!-~]{{1,{MAX_KEY}}}", re.ASCII)


def identifier(field: str, value: str) -> str:
    """A bot id or an encoded client id."""
    if not IDENTIFIER.fullmatch(value):
        raise InvalidField(f"{field} must be 1 to {MAX_IDENTIFIER} letters, digits, - or _")
    return value


def text(field: str, value: str, most: int = MAX_TEXT) -> str:
    """Text for people, or a platform's id: no control characters, and nothing that is not Unicode."""
    if not 1 <= len(value) <= most:
        raise InvalidField(f"{field} must be 1 to {most} characters long")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise InvalidField(f"{field} must not hold control characters or broken Unicode")
    return value


def metadata(value: dict[str, Any]) -> dict[str, Any]:
    """A JSON object of the caller's own."""
    if not _nested_within(value, MAX_METADATA_LEVELS):
        raise InvalidField(f"metadata must be nested at most {MAX_METADATA_LEVELS} levels deep")
    if len(msgspec.json.encode(value)) > MAX_METADATA_BYTES:
        raise InvalidField(f"metadata must be at most {MAX_METADATA_BYTES} bytes of JSON")
    return value


def _nested_within(value: object, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels > 0 and all(_nested_within(each, levels - 1) for each in inner)


def key(value: str) -> str:
    """An idempotency key."""
    if not _VISIBLE_ASCII.fullmatch(value):
        raise InvalidField(f"the idempotency key must be {KEY_FORM}")
    return value


def expiry_policy(value: str) -> str:
    """When grants that name no date expire."""
    try:
        expiry.check(value)
    except ValueError as problem:
        raise InvalidField(f"expiryPolicy {problem}") from problem
    return value


def time_zone(value: str) -> str:
    """An IANA name, like Asia/Taipei."""
    if value not in available_timezones():
        raise InvalidField("timeZone must be an IANA time zone, like Asia/Taipei")
    return value
