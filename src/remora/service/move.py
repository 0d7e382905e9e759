"""Moving an installation to another store: bots, pairs, clients, journals, idempotency keys, imports and operators.

It can be stopped and run again, and goes on; and what has changed at the source since is brought over. So the bulk is
copied while the source still serves, and the rest once it is stopped. Until all is there and agrees, the copy is
marked, and nobody can open it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from remora.errors import MoveUnfinished, TargetInUse
from remora.model import Bot
from remora.service import digest, verify
from remora.service.installation import MOVING, Installation
from remora.storage import bots, clients, imports, operators, rows
from remora.storage import installation as values
from remora.storage.database import Database, Transaction
from remora.storage.operators import OperatorRow
from remora.storage.rows import ClientRow, Span

PAGE = 500
MOVED = "moved"
"""The value that says what the digests of a copy were when it was whole: it may go on as long as nobody used it."""

Done = Callable[[int], None]


def work(source: Installation) -> int:
    """How much there is to copy: clients and idempotency keys."""
    return sum(digest.work(source.database, bot.bot_id) for bot in _bots(source.database))


def copy(source: Installation, target: Database, done: Done) -> None:
    """Copy what the target lacks. TargetInUse if it holds anything else than a part of this very installation."""
    _begin(source.database, target)
    for bot in _bots(source.database):
        _copy_bot(source.database, target, bot)
        _copy_clients(source.database, target, bot.bot_id, done)
        _copy_operations(source.database, target, bot.bot_id, done)
        _copy_imports(source.database, target, bot.bot_id)
    _copy_operators(source.database, target)


def finish(source: Installation, target: Database, done: Done) -> dict[str, str]:
    """Verify both sides, compare them, and open the copy for use; the digests by bot.

    MoveUnfinished if a side does not verify, or if they are not the same: the source has changed meanwhile.
    """
    copied = Installation(target, source.clock, source.signing_key, source.encoder)
    digests = {}
    for bot in _bots(source.database):
        for name, side in (("source", source), ("copy", copied)):
            problem = next(verify.verify(side, bot.bot_id, done), None)
            if problem is not None:
                raise MoveUnfinished(f"the {name} does not verify: {problem}")
        digests[bot.bot_id] = digest.digest(source.database, bot.bot_id, done)
        if digest.digest(target, bot.bot_id, done) != digests[bot.bot_id]:
            raise MoveUnfinished(
                f"bot {bot.bot_id} has changed meanwhile: stop its server and run the same again; it goes on from here"
            )
    if _operators(source.database) != _operators(target):
        raise MoveUnfinished("operators have changed meanwhile: run the same again; it goes on from here")
    if _bots(source.database) != _bots(target):
        raise MoveUnfinished("bots have changed meanwhile: stop the server and run the same again")
    with target.write() as tx:
        values.forget(tx, MOVING)
        values.keep(tx, MOVED, _as_text(digests))
    return digests


def _begin(source: Database, target: Database) -> None:
    """Mark the target, and give it the source's salt and signing key; if it has others it is somebody else's."""
    with source.read() as reading:
        given = values.every(reading)
    with target.read() as reading:
        moved = values.value(reading, MOVED)
    if moved is not None and moved != _as_text(
        {bot.bot_id: digest.digest(target, bot.bot_id) for bot in _bots(target)}
    ):
        raise TargetInUse("the database to move to was used since it was moved to; make another")
    with target.write() as writing:
        if not values.every(writing) and bots.every(writing):
            raise TargetInUse("the database to move to has bots already")
        for name, value in given.items():
            if values.keep(writing, name, value) != value:
                raise TargetInUse("the database to move to belongs to another installation")
        values.forget(writing, MOVED)
        values.keep(writing, MOVING, "yes")


def _digests(database: Database) -> dict[str, str]:
    return {bot.bot_id: digest.digest(database, bot.bot_id) for bot in _bots(database)}


def _as_text(digests: dict[str, str]) -> str:
    return msgspec.json.encode(digests, order="sorted").decode()


def _bots(database: Database) -> list[Bot]:
    with database.read() as tx:
        return sorted(bots.every(tx), key=lambda bot: bot.bot_id)


def _operators(database: Database) -> dict[str, tuple[OperatorRow, frozenset[str]]]:
    with database.read() as tx:
        return {row.name: (row, operators.bots(tx, row.name)) for row in operators.every(tx)}


def _copy_operators(source: Database, target: Database) -> None:
    """Who may sign in, and how; nobody's session, so everyone signs in anew."""
    given, there = _operators(source), _operators(target)
    with target.write() as writing:
        for name in there.keys() - given.keys():
            operators.remove(writing, name)
        for name, (row, bot_ids) in given.items():
            if name not in there:
                operators.add(writing, row)
            operators.update(writing, row)
            operators.set_bots(writing, name, bot_ids)


def _copy_bot(source: Database, target: Database, bot: Bot) -> None:
    with source.read() as reading:
        number, pairs = clients.last_number(reading, bot.bot_id), rows.credentials(reading, bot.bot_id)
    with target.write() as writing:
        if bots.find(writing, bot.bot_id) is None:
            bots.add(writing, bot)
        bots.update(writing, bot)
        clients.note_number(writing, bot.bot_id, number)
        rows.save_credentials(writing, pairs)


def _copy_clients(source: Database, target: Database, bot_id: str, done: Done) -> None:
    after = ""
    while True:
        with source.read() as reading:
            page = rows.clients(reading, bot_id, after, PAGE)
            last = page[-1].client_id if page else None
            with target.read() as known:
                there = {row.client_id: row for row in rows.clients(known, bot_id, after, PAGE)}
            if any((last is None or client_id <= last) for client_id in there.keys() - {row.client_id for row in page}):
                raise TargetInUse(f"the database to move to has clients of bot {bot_id} that the source has not")
            behind = [(row, there.get(row.client_id)) for row in page if there.get(row.client_id) != row]
            if behind:
                with target.write() as writing:
                    _bring_up(reading, writing, bot_id, behind)
        done(len(page))
        if last is None:
            return
        after = last


def _bring_up(
    reading: Transaction,
    writing: Transaction,
    bot_id: str,
    behind: Sequence[tuple[ClientRow, ClientRow | None]],
) -> None:
    """Bring clients to where they are at the source, in one transaction."""
    rows.add_clients(writing, bot_id, [row for row, there in behind if there is None])
    for row, there in behind:
        if there is not None and not _continues(reading, bot_id, there, row):
            raise TargetInUse(f"the database to move to has another journal of {bot_id}/{row.client_id}")
    spans = [(row.client_id, (there.seq if there else 0) + 1, row.seq) for row, there in behind]
    for chunk in _chunks(spans):
        rows.add_entries(writing, bot_id, rows.entries(reading, bot_id, chunk))
        rows.add_entry_lots(writing, bot_id, rows.entry_lots(reading, bot_id, chunk))
    for group in rows.groups(row for row, _ in behind):
        client_ids = [row.client_id for row in group]
        rows.save_lots(writing, bot_id, rows.lots(reading, bot_id, client_ids))
        rows.save_holds(writing, bot_id, rows.holds(reading, bot_id, client_ids))
    rows.save_numbers(writing, bot_id, [row for row, _ in behind])


def _continues(reading: Transaction, bot_id: str, there: ClientRow, row: ClientRow) -> bool:
    """Is what is there the beginning of the source's journal?"""
    if (there.platform, there.platform_client_id) != (row.platform, row.platform_client_id):
        return False
    if there.seq == 0:
        return True
    at_head = rows.entries(reading, bot_id, [(row.client_id, there.seq, there.seq)])
    return [entry[-1] for entry in at_head] == [there.head_hash]


def _chunks(spans: Sequence[Span]) -> Iterator[list[Span]]:
    """The spans in chunks of a bounded number of entries; a span that is too long is parted."""
    chunk: list[Span] = []
    room = rows.GROUP_ENTRIES
    for client_id, first, last in spans:
        start = first
        while start <= last:
            end = min(last, start + room - 1)
            chunk.append((client_id, start, end))
            room -= end - start + 1
            start = end + 1
            if room == 0:
                yield chunk
                chunk, room = [], rows.GROUP_ENTRIES
    if chunk:
        yield chunk


def _copy_operations(source: Database, target: Database, bot_id: str, done: Done) -> None:
    after: str | None = ""
    while after is not None:
        with source.read() as reading:
            given = rows.operations(reading, bot_id, after, PAGE)
        with target.write() as writing:
            there = rows.operations(writing, bot_id, after, PAGE)
            # Where a page is full there may be more behind it, so both are compared up to its end only.
            after = min((page[-1].key for page in (given, there) if len(page) == PAGE), default=None)
            wanted = {row.key: row for row in given if after is None or row.key <= after}
            known = {row.key for row in there if after is None or row.key <= after}
            # Those that the source has not are keys that it has forgotten since they were copied.
            rows.drop_operations(writing, bot_id, known - wanted.keys())
            rows.add_operations(writing, bot_id, [row for key, row in wanted.items() if key not in known])
        done(len(wanted))


def _copy_imports(source: Database, target: Database, bot_id: str) -> None:
    """Imports are only added to, and undone; so what differs is written."""
    after: str | None = ""
    while after is not None:
        with source.read() as reading:
            page = imports.page(reading, bot_id, after, PAGE)
        with target.write() as writing:
            for each in page:
                imports.begin(writing, bot_id, each)
                imports.save(writing, bot_id, each)
        for each in page:
            _copy_import_rows(source, target, bot_id, each.import_id)
        after = page[-1].import_id if page else None


def _copy_import_rows(source: Database, target: Database, bot_id: str, import_id: str) -> None:
    after: int | None = 0
    while after is not None:
        with source.read() as reading:
            page = imports.rows(reading, bot_id, import_id, after, PAGE)
        with target.read() as known:
            there = set(imports.rows(known, bot_id, import_id, after, PAGE))
        behind = [row for row in page if row not in there]
        if behind:
            with target.write() as writing:
                imports.save_rows(writing, bot_id, import_id, behind)
        after = page[-1].number if page else None
