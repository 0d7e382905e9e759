"""Exchanging the pair: what the call takes and answers."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from remora.web.schemas.common import Secret


class TokenRequest(Struct, frozen=True, rename="camel"):
    """The secret of the pair that is to be replaced."""

    secret: Secret


class TokenResponse(Struct, frozen=True, rename="camel"):
    """A new pair. It is shown this once."""

    success: bool
    message: str
    api_token: Annotated[str, Meta(description="The new token, a JWT that lives 30 days.")]
    api_secret: Annotated[str, Meta(description="The new secret.")]
