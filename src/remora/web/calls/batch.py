"""Many orders in one call."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET

from remora import errors
from remora.errors import InvalidField, Refusal
from remora.service.orders import Order, Outcome, entry_id, refused
from remora.web import body as bodies
from remora.web.calls.orders import DRY_RUN
from remora.web.endpoint import COMMON_REFUSALS, About, Call, writes
from remora.web.errors import LedgerErrorResponse
from remora.web.schemas import orders as schemas
from remora.web.schemas.batch import BatchRequest, BatchResponse, Mode, Operation, OperationResult, Result
from remora.web.schemas.orders import entry_info

MAX_BYTES = 1024 * 1024

_operations: msgspec.json.Decoder[list[Operation]] = msgspec.json.Decoder(list[Operation])
_operation: msgspec.json.Decoder[Operation] = msgspec.json.Decoder(Operation)


@writes(
    About(
        summary="Carry out a batch",
        description=(
            "Carries out up to 1,000 operations, in their order, in one transaction. Each has its own key; one whose "
            "key has an answer already gets that again. In mode `independent` a refused or wrong operation leaves the "
            "others untouched. In mode `atomic` it refuses the whole batch, and nothing is done or kept, not even "
            "under the keys. The body may have 1 MiB."
        ),
        tag="Ledger",
        body=BatchRequest,
        answer=BatchResponse,
        success="A result for each operation.",
        refusals=(*COMMON_REFUSALS, errors.BatchRefused, errors.StoreUnavailable),
        envelope=LedgerErrorResponse,
        max_bytes=MAX_BYTES,
    ),
    gives_orders=True,
)
async def batch(call: Call, asked: BatchRequest) -> BatchResponse:
    atomic = asked.mode is Mode.ATOMIC
    read = _read(asked.operations)
    if atomic:
        for each in read:
            if isinstance(each, Refusal):
                raise each
    orders = tuple(each for each in read if isinstance(each, Order))
    result = await call.write(orders, atomic=atomic, dry_run=asked.dry_run) if orders else []
    if isinstance(result, Refusal):
        raise result
    outcomes = iter(result)
    return BatchResponse(
        success=True,
        message=DRY_RUN if asked.dry_run else "Carry out batch successfully",
        results=[
            _result(index, refused(each) if isinstance(each, Refusal) else next(outcomes))
            for index, each in enumerate(read)
        ],
    )


def _read(raw: Sequence[msgspec.Raw]) -> list[Order | InvalidField]:
    """The operations as orders, each or what is wrong with it."""
    try:
        # Together, which takes half as long as one by one. They are text: the body was.
        operations = _operations.decode(b"[%s]" % b",".join(raw))
    except (msgspec.MsgspecError, RecursionError):
        return [_read_alone(index, each) for index, each in enumerate(raw)]
    return [_ordered(index, operation) for index, operation in enumerate(operations)]


def _read_alone(index: int, raw: msgspec.Raw) -> Order | InvalidField:
    try:
        return _ordered(index, bodies.decode(_operation, bytes(raw)))
    except InvalidField as problem:
        return InvalidField(f"operations[{index}]: {problem.message}")


def _ordered(index: int, operation: Operation) -> Order | InvalidField:
    try:
        return schemas.order(operation, operation.key)
    except InvalidField as problem:
        return InvalidField(f"operations[{index}]: {problem.message}")


def _result(index: int, outcome: Outcome) -> OperationResult:
    if outcome.refusal is not None:
        return OperationResult(
            index=index,
            outcome=Result.REFUSED,
            replayed=outcome.replayed,
            code=outcome.refusal.code,
            message=outcome.refusal.message,
            available=_figure(outcome.refusal.available),
            shortfall=_figure(outcome.refusal.shortfall),
        )
    client_id, entry = outcome.client_id, outcome.entry
    assert client_id is not None
    assert entry is not None
    return OperationResult(
        index=index,
        outcome=Result.DONE,
        replayed=outcome.replayed,
        entry=entry_info(client_id, entry),
        available=outcome.available,
        hold_id=entry_id(client_id, entry.seq) if entry.kind == "hold" else UNSET,
        expires_at=schemas.hold_expiry(entry) if entry.kind == "hold" else UNSET,
        shortfall=outcome.shortfall if entry.kind == "reverse" else UNSET,
    )


def _figure(figure: int | None) -> int | msgspec.UnsetType:
    return UNSET if figure is None else figure
