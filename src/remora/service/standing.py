"""Standings: every client of a bot, with what it can spend and what is held at one instant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import takewhile

import msgspec

from remora import rfc3339
from remora.ledger.replay import Replay
from remora.ledger.settle import settled
from remora.model import NEVER, Account, Entry
from remora.service import access
from remora.service.cells import csv_lines
from remora.service.installation import Installation
from remora.storage import accounts, clients, journal, rows
from remora.storage.database import Transaction
from remora.storage.rows import ClientRow

PAGE = 200


class Standing(msgspec.Struct, frozen=True, rename="camel"):
    """A client and its balance: `points` can be spent, `held` are reserved; `next_expiry_points` of the former expire
    next, at `next_expiry_at`, an RFC 3339 time.
    """

    platform: str
    platform_client_id: str
    client_id: str
    points: int
    held: int
    next_expiry_at: str | None
    next_expiry_points: int


def work(installation: Installation, bot_id: str) -> int:
    """How many clients there are."""
    with installation.database.read() as tx:
        access.known_bot(tx, bot_id)
        return clients.count(tx, bot_id)


def standings(
    installation: Installation, bot_id: str, at: int | None = None, done: Callable[[int], None] = lambda _: None
) -> Iterator[Standing]:
    """Every client that there was at an instant, in the order of the encoded ids; at an instant to come, or now, those
    that there are. They are as `explain` says of that very instant, whatever is written meanwhile. `done` is told how
    many clients were gone through.
    """
    at = installation.clock.now() if at is None else at
    with installation.database.read() as tx:
        access.known_bot(tx, bot_id)
    after: str | None = ""
    while after is not None:
        found: list[Standing] = []
        with installation.database.read() as tx:
            page = rows.clients(tx, bot_id, after, PAGE)
            for group in rows.groups(page):
                found += _group(tx, bot_id, group, at)
        yield from found
        done(len(page))
        after = page[-1].client_id if page else None


def as_csv(found: Iterable[Standing], *, bom: bool = False) -> Iterator[bytes]:
    """The rows of a CSV file, which `import clients` reads too."""
    columns = [field.encode_name for field in msgspec.structs.fields(Standing)]
    return csv_lines(columns, map(msgspec.structs.astuple, found), bom=bom)


def as_lines(found: Iterable[Standing]) -> Iterator[bytes]:
    """A line of JSON for each."""
    return (msgspec.json.encode(each) + b"\n" for each in found)


def _group(tx: Transaction, bot_id: str, group: Sequence[ClientRow], at: int) -> Iterator[Standing]:
    there = [row for row in group if row.created_at <= at]
    known = accounts.load(tx, bot_id, [row.client_id for row in there])
    later = [row for row in there if at < known[row.client_id].settled_at]
    journals = journal.of_group(tx, bot_id, later) if later else {}
    for row in there:
        account = known[row.client_id]
        if row.client_id in journals:
            account = _then(account, journals[row.client_id], at)
        yield _standing(row, settled(account, at).account_after())


def _then(account: Account, entries: Iterator[Entry], at: int) -> Account:
    """The account as its entries up to an instant make it."""
    replay = Replay(account.bot_id, account.client_id)
    for entry in takewhile(lambda entry: entry.at <= at, entries):
        replay.apply(entry)
    return replay.account()


def _standing(row: ClientRow, then: Account) -> Standing:
    offered = [lot for lot in then.lots if lot.free and lot.expires_at != NEVER]
    next_at = min((lot.expires_at for lot in offered), default=None)
    return Standing(
        platform=row.platform,
        platform_client_id=row.platform_client_id,
        client_id=row.client_id,
        points=then.available,
        held=then.held,
        next_expiry_at=None if next_at is None else rfc3339.render(next_at),
        next_expiry_points=sum(lot.free for lot in offered if lot.expires_at == next_at),
    )
