"""The pieces that several calls share."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from remora import rfc3339
from remora.errors import InvalidField
from remora.model import MAX_POINTS, Platform
from remora.service.fields import MAX_PLATFORM_CLIENT_ID
from remora.service.orders import Who

MAX_IDS = 100

Id = Annotated[str, Meta(min_length=1, max_length=MAX_PLATFORM_CLIENT_ID)]
Secret = Annotated[str, Meta(description="The bot's API secret, the other half of the token's pair.")]
Points = Annotated[int, Meta(ge=1, le=MAX_POINTS)]
Time = Annotated[str, Meta(description="An RFC 3339 time with an offset.", extra_json_schema={"format": "date-time"})]


class OneClient(Struct, frozen=True, rename="camel", kw_only=True):
    """One client: by `clientId`, or by `platform` with `platformClientId`."""

    client_id: Annotated[Id, Meta(description="The encoded id.")] | UnsetType = UNSET
    platform: Annotated[Platform, Meta(description="Needed with platformClientId.")] | UnsetType = UNSET
    platform_client_id: Annotated[Id, Meta(description="The platform's own id.")] | UnsetType = UNSET

    def __post_init__(self) -> None:
        client_id = self.client_id
        if self.platform is UNSET and self.platform_client_id is UNSET and client_id and "\0" not in client_id:
            return  # as mostly
        if self.platform is not UNSET and self.platform_client_id is UNSET:
            raise ValueError("platformClientId is required with platform: 1 to 256 characters")
        if self.platform_client_id is not UNSET and self.platform is UNSET:
            raise ValueError(f"platform is required with platformClientId: one of {', '.join(Platform)}")
        if (self.client_id is UNSET) == (self.platform is UNSET):
            raise ValueError("clientId, or platform with platformClientId, is required: one of the two ways")
        for field, given in (("clientId", self.client_id), ("platformClientId", self.platform_client_id)):
            if given is not UNSET:
                refuse_nul(field, [given])

    def who(self) -> Who:
        """The client as the service knows it."""
        return Who(self.client_id or None, self.platform or None, self.platform_client_id or None)

    def about(self) -> str | None:
        """Whose entry or hold is meant, where an id of one says so."""
        return None


def instant(field: str, given: str | UnsetType) -> int | None:
    """Read a time, or raise InvalidField."""
    if given is UNSET:
        return None
    try:
        return rfc3339.parse(given)
    except ValueError as problem:
        raise InvalidField(f"{field} {problem}") from problem


def refuse_nul(field: str, ids: list[str]) -> None:
    """Raise ValueError for an id that no store could hold."""
    if "\0" not in "".join(ids):
        return
    for position, each in enumerate(ids):
        if "\0" in each:
            raise ValueError(f"{field}[{position}] must not hold a NUL character")
