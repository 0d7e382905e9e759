"""What a request says of who is calling: its token, its bot, its address."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import parse_qs

from starlette.types import Scope

from remora.service.fields import IDENTIFIER
from remora.web.rate_limit import address_key

REMEMBERED = 1_024
"""How many query strings, and how many headers with tokens, are remembered as read: an integration sends the same ones
always.
"""

LONGEST_REMEMBERED = 512
"""Bytes; what is longer is read each time, so that nobody without a token can fill the memory."""


def bearer_token(headers: Mapping[bytes, bytes]) -> str | None:
    """The token of the Authorization header; None if there is none, or another scheme."""
    given = headers.get(b"authorization", b"")
    return _remembered_token(given) if len(given) <= LONGEST_REMEMBERED else _token(given)


@lru_cache(maxsize=REMEMBERED)
def _remembered_token(given: bytes) -> str | None:
    return _token(given)


def _token(given: bytes) -> str | None:
    scheme, _, token = given.decode("latin-1").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def bot_id(scope: Scope) -> str | None:
    """The query's botId; None unless it is there once and could be a bot's."""
    query: bytes = scope["query_string"]
    return _remembered_bot_id(query) if len(query) <= LONGEST_REMEMBERED else _bot_id(query)


@lru_cache(maxsize=REMEMBERED)
def _remembered_bot_id(query: bytes) -> str | None:
    return _bot_id(query)


def _bot_id(query: bytes) -> str | None:
    given = parse_qs(query.decode("latin-1")).get("botId", [])
    return given[0] if len(given) == 1 and IDENTIFIER.fullmatch(given[0]) else None


def address(scope: Scope) -> str:
    """Whom failed authentications are counted for; behind a trusted proxy, whom the proxy names."""
    client = scope.get("client")
    return address_key(client[0]) if client else "unknown"
