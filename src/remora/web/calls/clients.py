"""Registering clients."""

from __future__ import annotations

from functools import partial

from remora import errors
from remora.service import clients
from remora.web.endpoint import COMMON_REFUSALS, About, Call, writes
from remora.web.schemas.clients import RegisteredClient, RegisterRequest, RegisterResponse


@writes(
    About(
        summary="Register clients",
        description=(
            "Up to 100 ids of one platform become clients, each with an encoded id of its own. Registering one again "
            "changes nothing and gives the same answer, so no idempotency key is needed."
        ),
        tag="Clients",
        body=RegisterRequest,
        answer=RegisterResponse,
        success="The clients, new or known.",
        refusals=(*COMMON_REFUSALS, errors.StoreUnavailable),
    )
)
async def register(call: Call, asked: RegisterRequest) -> RegisterResponse:
    # It waits for the disk, so not on the loop.
    found = await call.services.store.run(
        partial(clients.register, call.installation, call.bot_id, asked.platform, asked.platform_client_ids)
    )
    return RegisterResponse(
        success=True,
        message="Register clients successfully",
        clients=[RegisteredClient(each.client_id, each.platform, each.platform_client_id) for each in found],
    )
