"""Explaining a balance: its journal, and its lots and holds at an instant."""

from __future__ import annotations

from msgspec import UNSET

from remora import errors
from remora.errors import InvalidField
from remora.model import KINDS, NEVER
from remora.service import history as service
from remora.storage.database import Transaction
from remora.web.endpoint import COMMON_REFUSALS, About, Call, reads
from remora.web.schemas.common import instant
from remora.web.schemas.history import (
    ExplainRequest,
    ExplainResponse,
    HistoryRequest,
    HistoryResponse,
    explained,
)
from remora.web.schemas.orders import entry_info

REFUSALS = (*COMMON_REFUSALS, errors.NoClientFound)


@reads(
    About(
        summary="Get a client's history",
        description=(
            "The journal, newest first: of some `kinds`, `from` an instant on, before another (`to`). Pages neither "
            "repeat nor skip an entry while writes go on. What came due is shown whether or not it was settled."
        ),
        tag="Ledger",
        body=HistoryRequest,
        answer=HistoryResponse,
        success="A page of the journal.",
        refusals=REFUSALS,
    )
)
def history(call: Call, asked: HistoryRequest, tx: Transaction) -> HistoryResponse:
    since, until = instant("from", asked.since), instant("to", asked.until)
    page = service.history(
        tx,
        call.bot_id,
        asked.who(),
        call.now,
        most=asked.limit,
        before=NEVER if asked.cursor is UNSET else _cursor(asked.cursor),
        kinds=KINDS if asked.kinds is UNSET else asked.kinds,
        since=-NEVER if since is None else since,
        until=NEVER if until is None else until,
    )
    return HistoryResponse(
        success=True,
        message="Get client history successfully",
        entries=[entry_info(page.client_id, entry) for entry in page.entries],
        next_cursor=UNSET if page.next_before is None else str(page.next_before),
    )


@reads(
    About(
        summary="Explain a client's balance",
        description=(
            "The lots and holds that make the balance, at any past instant, now, or at a future one: what will be "
            "left then if nothing else happens. What the lots offer adds up to `available`, what they hold to `held`."
        ),
        tag="Ledger",
        body=ExplainRequest,
        answer=ExplainResponse,
        success="The balance, explained.",
        refusals=REFUSALS,
    )
)
def explain(call: Call, asked: ExplainRequest, tx: Transaction) -> ExplainResponse:
    at = instant("at", asked.at)
    if at is None:
        return explained(service.explain_now(tx, call.bot_id, asked.who(), call.now))
    return explained(service.explain(tx, call.bot_id, asked.who(), at))


def _cursor(given: str) -> int:
    if not (given.isascii() and given.isdigit()) or int(given) > NEVER:
        raise InvalidField("cursor must be the nextCursor of an earlier page")
    return int(given)
