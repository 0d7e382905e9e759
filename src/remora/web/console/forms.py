"""Forms: read within bounds, and taken only from a page that this very session was shown."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope

from remora.errors import FormRefused, InvalidField
from remora.web import body
from remora.web.console import cookies

MOST_FIELDS = 50
TYPE = "application/x-www-form-urlencoded"
CSRF = "csrf"


def secret_of(token: str) -> str:
    """What a page's forms carry: made of the cookie's token, which no other site can read; it tells nothing of it."""
    return hashlib.sha256(b"form:" + token.encode("utf-8", "replace")).hexdigest()


async def read(scope: Scope, receive: Receive, token: str | None) -> Mapping[str, str]:
    """The fields of a form that was sent by a page of ours to whom `token` was given. FormRefused, InvalidField and
    BodyTooLarge refuse. Of a field that comes twice, the last counts.
    """
    check_origin(scope)
    raw = await body.read(scope["seen"].headers, receive)
    if header(scope, b"content-type").partition(";")[0].strip().lower() != TYPE:
        raise InvalidField(f"a form must be {TYPE}")
    try:
        fields = dict(
            parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
        )
    except (UnicodeDecodeError, ValueError) as problem:
        raise InvalidField("the form cannot be read") from problem
    check_secret(token, fields.get(CSRF, ""))
    return fields


def check_secret(token: str | None, given: str) -> None:
    """Raise FormRefused unless it is what this token's pages carry. The comparison takes the same time for any."""
    if token is None or not hmac.compare_digest(secret_of(token).encode(), given.encode("utf-8", "replace")):
        raise FormRefused("the form is not of this session, and nothing was done")


def check_origin(scope: Scope) -> None:
    """Raise FormRefused where the browser says that another site sends it. An old one says nothing."""
    site = header(scope, b"sec-fetch-site")
    if site and site != "same-origin":
        raise FormRefused("the form comes from another site, and nothing was done")
    origin = header(scope, b"origin")
    if origin and origin not in _own(scope):
        raise FormRefused("the form comes from another site, and nothing was done")


def header(scope: Scope, name: bytes) -> str:
    """A header's value, empty if there is none."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _own(scope: Scope) -> tuple[str, ...]:
    """Our own origin. Behind a proxy that is not trusted we do not know that it ends TLS."""
    host = header(scope, b"host")
    return (f"https://{host}",) if cookies.is_secure(scope) else (f"http://{host}", f"https://{host}")
