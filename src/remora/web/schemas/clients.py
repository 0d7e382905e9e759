"""Registering clients: what the call takes and answers."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from remora.model import Platform
from remora.web.schemas.common import MAX_IDS, Id, Secret, refuse_nul


class RegisterRequest(Struct, frozen=True, rename="camel", kw_only=True):
    """Up to 100 ids of one platform that are to be clients."""

    secret: Secret
    platform: Platform
    platform_client_ids: Annotated[list[Id], Meta(min_length=1, max_length=MAX_IDS)]

    def __post_init__(self) -> None:
        refuse_nul("platformClientIds", self.platform_client_ids)


class RegisteredClient(Struct, frozen=True, rename="camel"):
    """A client and its encoded id."""

    client_id: str
    platform: Platform
    platform_client_id: str


class RegisterResponse(Struct, frozen=True, rename="camel"):
    """The clients, in the order asked, each once."""

    success: bool
    message: str
    clients: list[RegisteredClient]
