"""Imports: a file of clients with their opening points, looked at first, carried out once, and undone if need be.

A batch of rows is one transaction: its clients, its grants and the note of what each row has granted are kept together,
or not at all. So an import that was stopped, wherever, is finished by running it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace as replaced
from typing import IO

from msgspec.structs import replace

from remora import ids
from remora.errors import NoSuchImport, Refusal
from remora.ledger.commands import Grant
from remora.model import NEVER, Client, Platform
from remora.service import access, draft
from remora.service.desk import carry_out
from remora.service.draft import Draft, Row
from remora.service.installation import Installation
from remora.service.orders import Job, Order, Outcome, Who
from remora.service.pace import paced
from remora.service.verdicts import GRANT, NEW, REFUSED, Verdict, allowed, judged, pair
from remora.storage import clients, imports
from remora.storage.clients import PlatformPair
from remora.storage.database import Transaction
from remora.storage.imports import Import, ImportRow
from remora.storage.joined import Joined

BATCH = 200
"""So many rows are one transaction: a server beside it waits for some hundredths of a second at most."""
PAGE = 500
MAX_NAME = 200
OPENING = "Opening balance"
"""The reason of a grant whose row gives none."""

Done = Callable[[int], None]


def ignore(_: int) -> None:
    pass


def read(installation: Installation, bot_id: str, stream: IO[bytes], done: Done = ignore) -> Draft:
    """Read a CSV file; `done` is told how many bytes were read. ImportRefused says what is wrong with all of it,
    NoSuchBot that there is none. The draft is the caller's to close.
    """
    with installation.database.read() as tx:
        bot = access.known_bot(tx, bot_id)
    return draft.read(stream, bot, done)


def check(installation: Installation, drafted: Draft, done: Done = ignore) -> Iterator[Verdict]:
    """What `run` would do with each row now. Nothing is written. ImportUndone if it would not run at all."""
    for batch in drafted.batches(BATCH):
        with installation.database.read() as tx:
            verdicts = judged(tx, drafted, batch, installation.clock.now())
        # A ledger that is there may refuse a grant; one that is new has nothing to refuse it for.
        wanted = [verdict.row for verdict in verdicts if verdict.verdict == GRANT]
        with paced(installation):
            outcomes = carried_out(installation, drafted.bot.bot_id, [_grant(row) for row in wanted], dry_run=True)
        refused = {
            row.number: outcome.refusal.message
            for row, outcome in zip(wanted, outcomes, strict=True)
            if outcome.refusal is not None
        }
        for verdict in verdicts:
            why = refused.get(verdict.row.number)
            yield verdict if why is None else replace(verdict, verdict=REFUSED, detail=why)
        done(len(batch))


def run(
    installation: Installation, drafted: Draft, name: str, done: Done = ignore, operator: str | None = None
) -> Iterator[Verdict]:
    """Carry the import out, and tell what was done with each row once it is on disk: go through all of it. `name` is
    the file's, to know the import by; `operator` the person who asks for it. ImportUndone if it was undone.

    Rows that are done already are passed over; those that were refused before are tried again.
    """
    bot_id, now = drafted.bot.bot_id, installation.clock.now()
    with installation.database.write() as tx:
        begun = Import(drafted.import_id, printable(name), drafted.count, now, began_by=operator)
        imports.begin(tx, bot_id, begun)
        allowed(imports.find(tx, bot_id, drafted.import_id, lock=True))
    for batch in drafted.batches(BATCH):
        yield from _written(installation, drafted, batch, operator)
        done(len(batch))
    with installation.database.write() as tx:
        found = known(tx, bot_id, drafted.import_id, lock=True)
        if found.finished_at == NEVER:
            imports.save(tx, bot_id, replace(found, finished_at=installation.clock.now()))


def every(installation: Installation, bot_id: str) -> list[Import]:
    """The bot's imports, oldest first."""
    with installation.database.read() as tx:
        access.known_bot(tx, bot_id)
        found = page = imports.page(tx, bot_id, "", PAGE)
        while page:
            page = imports.page(tx, bot_id, page[-1].import_id, PAGE)
            found += page
    return sorted(found, key=lambda each: (each.began_at, each.import_id))


def show(installation: Installation, bot_id: str, import_id: str) -> Import:
    """One import, or NoSuchImport."""
    with installation.database.read() as tx:
        access.known_bot(tx, bot_id)
        return known(tx, bot_id, import_id)


def state(each: Import) -> str:
    """Where an import is: begun, done, undoing or undone."""
    if each.undo_began_at != NEVER:
        return "undoing" if each.undone_at == NEVER else "undone"
    return "begun" if each.finished_at == NEVER else "done"


def printable(name: str) -> str:
    """A file's name as it can be kept and printed: what others made it of may be anything."""
    kept = name.encode(errors="replace").decode()[:MAX_NAME]
    return "".join(character if character.isprintable() else "?" for character in kept)


def _written(installation: Installation, drafted: Draft, batch: Sequence[Row], operator: str | None) -> list[Verdict]:
    """Carry out a batch in one transaction; where nothing is to be done it takes no lock."""
    bot_id = drafted.bot.bot_id
    with installation.database.read() as tx:
        verdicts = judged(tx, drafted, batch, installation.clock.now())
    if not any(verdict.verdict in (NEW, GRANT) for verdict in verdicts):
        return verdicts
    with paced(installation), installation.database.write() as tx:
        # Locks come in one order: the import, which nobody else locks; then, as everywhere, bot and clients.
        found = known(tx, bot_id, drafted.import_id, lock=True)
        if any(verdict.verdict == NEW for verdict in verdicts):
            access.known_bot(tx, bot_id, lock=True)
        verdicts = judged(tx, drafted, batch, installation.clock.now())
        made = _make_clients(tx, installation, drafted, [each.row for each in verdicts if each.verdict == NEW])
        verdicts = [_named(verdict, made) for verdict in verdicts]
        wanted = [each for each in verdicts if each.verdict in (NEW, GRANT) and each.row.points]
        grants = [_grant(verdict.row, operator) for verdict in wanted]
        outcomes = carried_out(inside(installation, tx), bot_id, grants)
        granted = [_granted(verdict, outcome) for verdict, outcome in zip(wanted, outcomes, strict=True)]
        _note(tx, bot_id, found, len(made), granted)
    by_number = {verdict.row.number: verdict for verdict in granted}
    return [by_number.get(verdict.row.number, verdict) for verdict in verdicts]


def _make_clients(
    tx: Transaction, installation: Installation, drafted: Draft, rows: Sequence[Row]
) -> dict[PlatformPair, Client]:
    """Make the rows' clients, with the ids that they bring along, or with the bot's next ones that are free and that no
    row of the file brings along. The bot is locked.
    """
    if not rows:
        return {}
    bot_id = drafted.bot.bot_id
    last = clients.last_number(tx, bot_id)
    free = _free_ids(tx, installation, drafted, last)
    made = []
    for row in rows:
        client_id = row.client_id
        if client_id is None:
            last, client_id = next(free)
        made.append(Client(client_id, *pair(row)))
    clients.add(tx, bot_id, made, installation.clock.now())
    clients.note_number(tx, bot_id, last)
    return {(client.platform, client.platform_client_id): client for client in made}


def _free_ids(tx: Transaction, installation: Installation, drafted: Draft, after: int) -> Iterator[tuple[int, str]]:
    """The numbers that come after one, with their encoded ids, as far as those are free: asked for many at a time."""
    while True:
        numbers = range(after + 1, after + 1 + BATCH)
        named = {number: ids.client_id(installation.encoder, number) for number in numbers}
        taken = imports.clients_named(tx, drafted.bot.bot_id, list(named.values()))
        for number, client_id in named.items():
            if client_id not in taken and not drafted.claims.claimed("id", client_id):
                yield number, client_id
        after = numbers[-1]


def _named(verdict: Verdict, made: dict[PlatformPair, Client]) -> Verdict:
    return replace(verdict, client_id=made[pair(verdict.row)].client_id) if verdict.verdict == NEW else verdict


def _grant(row: Row, operator: str | None = None) -> Order:
    """A row's grant. It needs no key: that it was made is noted in its own transaction, and not forgotten."""
    who = Who(platform=Platform(row.platform), platform_client_id=row.platform_client_id)
    grant = Grant(row.points, row.expires_at, None, row.reason or OPENING, row.metadata)
    return Order(who, grant, operator=operator)


def _granted(verdict: Verdict, outcome: Outcome) -> Verdict:
    if outcome.refusal is not None:
        return replace(verdict, verdict=REFUSED, detail=outcome.refusal.message)
    assert outcome.entry is not None
    return replace(verdict, seq=outcome.entry.seq)


def _note(tx: Transaction, bot_id: str, found: Import, clients_made: int, granted: Sequence[Verdict]) -> None:
    """Note what a batch has granted, for who runs the import again, and for who undoes it."""
    rows = [
        ImportRow(each.row.number, each.row.line, each.client_id, each.seq, each.row.points)
        for each in granted
        if each.client_id is not None and each.seq is not None
    ]
    imports.save_rows(tx, bot_id, found.import_id, rows)
    changed = replace(
        found,
        clients_made=found.clients_made + clients_made,
        grants=found.grants + len(rows),
        points=found.points + sum(row.points for row in rows),
    )
    imports.save(tx, bot_id, changed)


def carried_out(
    installation: Installation, bot_id: str, orders: Iterable[Order], *, dry_run: bool = False
) -> list[Outcome]:
    """What came of orders, in one transaction; a refusal of them all is raised."""
    job = Job(tuple(orders), dry_run=dry_run)
    if not job.orders:
        return []
    [result] = carry_out(installation, bot_id, [job])
    if isinstance(result, Refusal):
        raise result
    return result


def inside(installation: Installation, tx: Transaction) -> Installation:
    """The installation for verbs whose transaction is to be this one."""
    return replaced(installation, database=Joined(installation.database, tx))


def known(tx: Transaction, bot_id: str, import_id: str, *, lock: bool = False) -> Import:
    found = imports.find(tx, bot_id, import_id, lock=lock)
    if found is None:
        raise NoSuchImport(f"bot {bot_id} has no import {import_id}")
    return found
