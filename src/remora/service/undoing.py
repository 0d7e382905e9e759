"""Undoing an import: of each row what is left of its points is taken back, and what was lacking is told.

A batch of rows is one transaction, in which it is noted what was taken back: so it can be stopped, and gone on with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from remora.errors import AlreadyReversed, Shortfall
from remora.ledger.commands import OnShortfall, Reverse
from remora.model import NEVER, Client
from remora.service import access
from remora.service.imports import BATCH, Done, carried_out, ignore, inside, known
from remora.service.installation import Installation
from remora.service.orders import Order, Outcome, Who
from remora.service.pace import paced
from remora.storage import imports
from remora.storage.database import Transaction
from remora.storage.imports import ImportRow


class Undone(Struct, frozen=True):
    """What came of taking back a row's points: so many were taken, so many were lacking, for they were used, are held
    or have expired. The rest had been taken back before.
    """

    row: ImportRow
    client: Client | None


def undo(
    installation: Installation, bot_id: str, import_id: str, done: Done = ignore, operator: str | None = None
) -> Iterator[Undone]:
    """Take back what an import granted, of each row what is left of its points, and tell what came of it: go through
    all of it. Clients stay. `operator` is the person who asks for it. NoSuchImport refuses.

    Undoing again, or after it was stopped, goes on, and tells the same of the rows that were undone before.
    """
    with installation.database.write() as tx:
        access.known_bot(tx, bot_id)
        found = known(tx, bot_id, import_id, lock=True)
        if found.undo_began_at == NEVER:
            begun = replace(found, undo_began_at=installation.clock.now(), undone_by=operator)
            imports.save(tx, bot_id, begun)
    after = 0
    while page := _taken_back(installation, bot_id, import_id, after, operator):
        yield from page
        done(len(page))
        after = page[-1].row.number
    with installation.database.write() as tx:
        found = known(tx, bot_id, import_id, lock=True)
        if found.undone_at == NEVER:
            imports.save(tx, bot_id, replace(found, undone_at=installation.clock.now()))


def _taken_back(
    installation: Installation, bot_id: str, import_id: str, after: int, operator: str | None
) -> list[Undone]:
    """Undo a batch in one transaction; one that is undone already is only told."""
    with installation.database.read() as tx:
        told = _told(tx, bot_id, imports.rows(tx, bot_id, import_id, after, BATCH))
    if all(each.row.taken is not None for each in told):
        return told
    with paced(installation), installation.database.write() as tx:
        found = known(tx, bot_id, import_id, lock=True)
        told = _told(tx, bot_id, imports.rows(tx, bot_id, import_id, after, BATCH))
        left = [each for each in told if each.row.taken is None]
        orders = [_reverse(each, import_id, operator) for each in left]
        outcomes = carried_out(inside(installation, tx), bot_id, orders)
        rows = [_without(each.row, outcome) for each, outcome in zip(left, outcomes, strict=True)]
        imports.save_rows(tx, bot_id, import_id, rows)
        taken, lacking = sum(row.taken or 0 for row in rows), sum(row.lacking or 0 for row in rows)
        imports.save(tx, bot_id, replace(found, taken=found.taken + taken, lacking=found.lacking + lacking))
    changed = {row.number: row for row in rows}
    return [replace(each, row=changed.get(each.row.number, each.row)) for each in told]


def _told(tx: Transaction, bot_id: str, rows: Sequence[ImportRow]) -> list[Undone]:
    named = imports.clients_named(tx, bot_id, {row.client_id for row in rows})
    return [Undone(row, named.get(row.client_id)) for row in rows]


def _reverse(undone: Undone, import_id: str, operator: str | None) -> Order:
    client = undone.client
    assert client is not None, "clients stay"
    who = Who(platform=client.platform, platform_client_id=client.platform_client_id)
    reverse = Reverse(undone.row.seq, None, OnShortfall.TAKE_AVAILABLE, f"Import {import_id} undone")
    return Order(who, reverse, operator=operator)


def _without(row: ImportRow, outcome: Outcome) -> ImportRow:
    """The row with what was taken back. Where nothing was left the refusal says how much was lacking, if any."""
    if outcome.refusal is not None and outcome.refusal.code in (AlreadyReversed.code, Shortfall.code):
        return replace(row, taken=0, lacking=outcome.refusal.shortfall or 0)
    done = outcome.done()
    return replace(row, taken=-sum(change.points for change in done.entry.lots), lacking=done.shortfall)
