"""Verifying: everything that is stored is computed again from the journal, and every disagreement is told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct

from remora.ledger.balance import next_due_at
from remora.ledger.replay import Replay
from remora.model import Entry, Hold, Lot
from remora.service import access
from remora.service.export import Line
from remora.service.installation import Installation
from remora.storage import clients, journal, rows
from remora.storage.database import Transaction
from remora.storage.rows import ClientRow

PAGE = 200


def work(installation: Installation, bot_id: str) -> int:
    """How many clients there are to verify."""
    with installation.database.read() as tx:
        access.known_bot(tx, bot_id)
        return clients.count(tx, bot_id)


def verify(installation: Installation, bot_id: str, done: Callable[[int], None]) -> Iterator[str]:
    """Every disagreement in a bot's ledgers, in words. Writes may go on meanwhile: each page of clients is
    one snapshot.
    """
    with installation.database.read() as tx:
        yield from (f"{bot_id}: {orphan}" for orphan in journal.orphans(tx, bot_id))
    after: str | None = ""
    while after is not None:
        with installation.database.read() as tx:
            page = rows.clients(tx, bot_id, after, PAGE)
            for group in rows.groups(page):
                yield from (f"{bot_id}/{each}" for each in _group(tx, bot_id, group))
        done(len(page))
        after = page[-1].client_id if page else None


def verify_lines(lines: Iterable[bytes]) -> Iterator[str]:
    """Every disagreement in an exported journal. A client's lines must stand together, as `export` writes them."""
    replay = Replay("", "")
    for number, text in enumerate(lines, start=1):
        try:
            line = msgspec.json.decode(text, type=Line)
            entry = line.entry()
        except (msgspec.DecodeError, ValueError) as broken:
            yield f"line {number}: {broken}"
            continue
        if (line.bot_id, line.client_id) != (replay.bot_id, replay.client_id):
            replay = Replay(line.bot_id, line.client_id)
        for problem in replay.apply(entry):
            yield f"line {number}: {line.bot_id}/{line.client_id} entry {entry.seq}: {problem}"


def _group(tx: Transaction, bot_id: str, group: Sequence[ClientRow]) -> Iterator[str]:
    """The disagreements of some clients, each begun with its encoded id."""
    client_ids = [row.client_id for row in group]
    journals = journal.of_group(tx, bot_id, group)
    lots: dict[str, dict[int, Lot]] = defaultdict(dict)
    for client_id, *lot in rows.lots(tx, bot_id, client_ids):
        lots[client_id][lot[0]] = Lot(*lot)
    holds: dict[str, dict[int, Hold]] = defaultdict(dict)
    for client_id, hold_id, points, expires_at, status in rows.holds(tx, bot_id, client_ids):
        holds[client_id][hold_id] = Hold(hold_id, points, expires_at, status, ())
    for row in group:
        stored = _Stored(row, lots[row.client_id], holds[row.client_id])
        for problem in _client(Replay(bot_id, row.client_id), journals[row.client_id], stored):
            yield f"{row.client_id}: {problem}"


class _Stored(Struct):
    """What is stored of a client beside the journal."""

    row: ClientRow
    lots: dict[int, Lot]
    holds: dict[int, Hold]


def _client(replay: Replay, entries: Iterator[Entry], stored: _Stored) -> Iterator[str]:
    try:
        for entry in entries:
            yield from (f"entry {entry.seq}: {problem}" for problem in replay.apply(entry))
    except msgspec.DecodeError as broken:
        yield f"an entry after {replay.seq} cannot be read: {broken}"
        return
    yield from _compared("lot", stored.lots, replay.lots)
    said = {hold_id: msgspec.structs.replace(hold, lots=()) for hold_id, hold in replay.holds.items()}
    yield from _compared("hold", stored.holds, said)
    yield from _numbers(stored.row, replay)


def _compared(what: str, stored: Mapping[int, object], said: Mapping[int, object]) -> Iterator[str]:
    for number in sorted(stored.keys() | said.keys()):
        if stored.get(number) != said.get(number):
            yield f"{what} {number} is {stored.get(number)}, but its entries say {said.get(number)}"


def _numbers(row: ClientRow, replay: Replay) -> Iterator[str]:
    due = next_due_at(replay.lots.values(), replay.open_holds(), row.settled_at)
    for name, stored, said in (
        ("available", row.available, replay.available),
        ("held", row.held, sum(lot.held for lot in replay.lots.values())),
        ("seq", row.seq, replay.seq),
        ("head hash", row.head_hash.hex(), replay.head_hash.hex()),
        ("next due", row.next_due_at, due),
        ("settled", row.settled_at >= replay.recorded_at, True),
    ):
        if stored != said:
            yield f"{name} is {stored}, but its entries say {said}"
