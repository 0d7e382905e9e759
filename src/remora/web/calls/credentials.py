"""Exchanging the pair of token and secret."""

from __future__ import annotations

from functools import partial

from remora.service import pairs
from remora.web.endpoint import COMMON_REFUSALS, About, Call, writes
from remora.web.schemas.credentials import TokenRequest, TokenResponse


@writes(
    About(
        summary="Exchange the token and secret",
        description=(
            "Replaces the bot's pair. Send the current token, even an expired one, and its secret; both are new in "
            "the answer. The old pair is refused with 120000 from then on, or after the overlap that the bot's "
            "operator has set."
        ),
        tag="Credentials",
        body=TokenRequest,
        answer=TokenResponse,
        success="The new pair.",
        refusals=COMMON_REFUSALS,
    ),
    takes_expired_token=True,
)
async def exchange_token(call: Call, proof: TokenRequest) -> TokenResponse:
    pair = await call.services.store.run(
        partial(pairs.exchange, call.installation, call.bot_id, call.claims, proof.secret)
    )
    return TokenResponse(
        success=True,
        message="Exchange token and secret successfully",
        api_token=pair.api_token,
        api_secret=pair.api_secret,
    )
