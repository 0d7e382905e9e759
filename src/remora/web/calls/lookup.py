"""Looking points up."""

from __future__ import annotations

from msgspec import UNSET

from remora import errors
from remora.service.lookup import LookedUp, Wanted
from remora.web.endpoint import COMMON_REFUSALS, About, looks_up
from remora.web.observe import Observation
from remora.web.schemas.lookup import ClientPointInfo, ClientPointsRequest, ClientPointsResponse, NotFound


def wanted(asked: ClientPointsRequest) -> Wanted:
    return Wanted(asked.client_ids or (), asked.platform or None, asked.platform_client_ids or ())


@looks_up(
    About(
        summary="Get client points",
        description=(
            "How many points each of up to 100 + 100 clients can spend at this instant.\n\n"
            "Name the clients by `clientIds`, by `platform` with `platformClientIds`, or both ways at once. Rows come "
            "in the order asked, `clientIds` first, and a repeated id gives one row. An id that is no client's is left "
            "out; ask for `includeNotFound` to have those listed. If no id is a client's, the answer is 404.\n\n"
            "A body over 64 KiB is refused with 413, and a store that is away with 503, in the same envelope."
        ),
        tag="Client Points",
        body=ClientPointsRequest,
        answer=ClientPointsResponse,
        success="The points of every client found.",
        refusals=(*COMMON_REFUSALS, errors.NoClientFound),
    ),
    wanted,
)
def get_client_points(seen: Observation, asked: ClientPointsRequest, found: LookedUp) -> ClientPointsResponse:
    client_ids, platform_client_ids = asked.client_ids or [], asked.platform_client_ids or []
    seen.asked, seen.found = len(client_ids) + len(platform_client_ids), 0
    found.someone()
    rows = [ClientPointInfo(platform, points, client_id) for client_id, platform, points in found.clients]
    if found.on_platform:
        rows += [
            ClientPointInfo(platform, points, UNSET, asked_by) for _, platform, points, asked_by in found.on_platform
        ]
    seen.found = len(rows)
    return ClientPointsResponse(
        success=True,
        message="Get client points successfully",
        points=rows,
        not_found=_not_found(client_ids, platform_client_ids, found) if asked.include_not_found else UNSET,
    )


def _not_found(client_ids: list[str], platform_client_ids: list[str], found: LookedUp) -> NotFound:
    clients, on_platform = {row[0] for row in found.clients}, {row[3] for row in found.on_platform}
    return NotFound(
        client_ids=[each for each in dict.fromkeys(client_ids) if each not in clients],
        platform_client_ids=[each for each in dict.fromkeys(platform_client_ids) if each not in on_platform],
    )
