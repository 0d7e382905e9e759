"""Looking points up: what the call takes and answers."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from remora.model import Platform
from remora.web.schemas.common import MAX_IDS, Id, Secret, refuse_nul


class ClientPointsRequest(Struct, frozen=True, rename="camel"):
    """Which clients: `clientIds`, or `platform` with `platformClientIds`, or both ways at once."""

    secret: Secret
    client_ids: (
        Annotated[list[Id], Meta(max_length=MAX_IDS, description="Encoded client ids, at most 100.")] | UnsetType
    ) = UNSET
    platform: (
        Annotated[Platform, Meta(description="Where the platformClientIds are from; needed with them.")] | UnsetType
    ) = UNSET
    platform_client_ids: (
        Annotated[
            list[Id],
            Meta(max_length=MAX_IDS, description="The platform's own ids, at most 100; needed with platform."),
        ]
        | UnsetType
    ) = UNSET
    include_not_found: Annotated[
        bool, Meta(description="Also list the ids that are no client's. An addition to the source API.")
    ] = False

    def __post_init__(self) -> None:
        if self.platform is not UNSET and self.platform_client_ids is UNSET:
            raise ValueError("platformClientIds is required with platform: 1 to 100 ids")
        if self.platform_client_ids is not UNSET and self.platform is UNSET:
            raise ValueError(f"platform is required with platformClientIds: one of {', '.join(Platform)}")
        if not self.client_ids and not self.platform_client_ids:
            raise ValueError("clientIds, or platform with platformClientIds, is required: 1 to 100 ids")
        if self.client_ids:
            refuse_nul("clientIds", self.client_ids)
        if self.platform_client_ids:
            refuse_nul("platformClientIds", self.platform_client_ids)


class ClientPointInfo(Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):
    """One client's points, under the id it was asked by."""

    platform: Annotated[Platform, Meta(description="Where the client chats.")]
    points: Annotated[int, Meta(description="All points that the client can spend now.")]
    client_id: Annotated[str, Meta(description="The encoded id, where the client was asked by it.")] | UnsetType = UNSET
    platform_client_id: (
        Annotated[str, Meta(description="The platform's id, where the client was asked by it.")] | UnsetType
    ) = UNSET


class NotFound(Struct, frozen=True, rename="camel"):
    """Ids that are no client's of this bot, in the order asked."""

    client_ids: list[str]
    platform_client_ids: list[str]


class ClientPointsResponse(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """The points of every client found: by clientIds first, each in the order asked."""

    success: bool
    message: str
    points: Annotated[list[ClientPointInfo], Meta(description="A row for each id that is a client's.")] | UnsetType = (
        UNSET
    )
    not_found: Annotated[NotFound, Meta(description="Present if includeNotFound was true.")] | UnsetType = UNSET
