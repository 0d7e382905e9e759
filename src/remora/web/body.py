"""Request bodies: read within a bound, decoded strictly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

import msgspec
from msgspec import Struct
from starlette.types import Receive

from remora.errors import BodyTooLarge, InvalidField
from remora.ledger.commands import OnShortfall
from remora.model import KINDS, Platform
from remora.web.schemas.batch import Mode

MAX_BYTES = 64 * 1024

Body = TypeVar("Body")

_PLACE = re.compile(r" - at `\$\.?(?P<field>[^`]*)`$")


# An enum's values by the field that has them: what msgspec says instead is what was sent.
_ALLOWED = {
    field: f"expected one of {', '.join(values)}"
    for field, values in {"platform": Platform, "mode": Mode, "shortfall": OnShortfall, "kinds": KINDS}.items()
}


class ClientGone(Exception):
    """The caller hung up before the request was complete: nobody is left to answer."""


class _OnlySecret(Struct):
    secret: str


_only_secret = msgspec.json.Decoder(_OnlySecret)


async def read(headers: Mapping[bytes, bytes], receive: Receive, most: int = MAX_BYTES) -> bytes:
    """Read the whole body, or raise BodyTooLarge as soon as it is known to have more than `most` bytes."""
    if int(headers.get(b"content-length", 0)) > most:
        raise _too_large(most)
    parts: list[bytes] = []
    left, more = most, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part = message.get("body", b"")
        left -= len(part)
        if left < 0:
            raise _too_large(most)
        parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts)


def decode(decoder: msgspec.json.Decoder[Body], raw: bytes) -> Body:
    """Decode a JSON object, or raise InvalidField that names the field and the bound."""
    if not raw:
        raise InvalidField("the body is empty; a JSON object is required")
    try:
        # As text: decoding bytes, msgspec would let broken UTF-8 pass in what it skips.
        return decoder.decode(raw.decode())
    except UnicodeDecodeError as problem:
        raise InvalidField(f"the body is not UTF-8 at byte {problem.start}") from problem
    except RecursionError as problem:
        raise InvalidField("the body is nested too deeply") from problem
    except msgspec.ValidationError as problem:
        raise InvalidField(_explained(str(problem))) from problem
    except msgspec.DecodeError as problem:
        raise InvalidField(f"the body is not valid JSON: {problem}") from problem


def secret_of(raw: bytes) -> str | None:
    """The secret of a body that is wrong elsewhere; None if it cannot be told."""
    try:
        return decode(_only_secret, raw).secret
    except InvalidField:
        return None


def _explained(problem: str) -> str:
    """Put the field first, and say what an enum allows instead of repeating what was sent."""
    place = _PLACE.search(problem)
    if place is None:
        return problem
    expected = _PLACE.sub("", problem)
    if expected.startswith("Invalid enum value"):
        expected = _ALLOWED.get(place["field"].split("[")[0], expected.split("'")[0])
    return f"{place['field'] or 'body'}: {expected}"


def _too_large(most: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body may have at most {most} bytes")
