"""Verifying: everything that is stored is computed again from the journal, and every disagreement is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from remora.ledger.balance import next_due_at
from remora.ledger.replay import Replay
from remora.service import access
from remora.service.export import Line
from remora.service.installation import Installation
from remora.storage import accounts, clients, journal
from remora.storage.database import Transaction

PAGE = 200
ALL = 2**31


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
    after = ""
    while True:
        with installation.database.read() as tx:
            page = clients.page(tx, bot_id, after, PAGE)
            for client in page:
                yield from (f"{bot_id}/{client.client_id}: {each}" for each in _client(tx, bot_id, client.client_id))
        if not page:
            return
        done(len(page))
        after = page[-1].client_id


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


def _client(tx: Transaction, bot_id: str, client_id: str) -> Iterator[str]:
    replay = Replay(bot_id, client_id)
    try:
        for entry in journal.oldest_first(tx, bot_id, client_id):
            yield from (f"entry {entry.seq}: {problem}" for problem in replay.apply(entry))
    except msgspec.DecodeError as broken:
        yield f"an entry after {replay.seq} cannot be read: {broken}"
        return
    yield from _lots(tx, replay)
    yield from _holds(tx, replay)
    yield from _numbers(tx, replay)


def _lots(tx: Transaction, replay: Replay) -> Iterator[str]:
    stored = {lot.lot_id: lot for lot in journal.lots(tx, replay.bot_id, replay.client_id, ALL)}
    for lot_id in sorted(stored.keys() | replay.lots.keys()):
        if stored.get(lot_id) != replay.lots.get(lot_id):
            yield f"lot {lot_id} is {stored.get(lot_id)}, but its entries say {replay.lots.get(lot_id)}"


def _holds(tx: Transaction, replay: Replay) -> Iterator[str]:
    stored = {hold.hold_id: hold for hold in journal.holds(tx, replay.bot_id, replay.client_id)}
    said = {hold_id: msgspec.structs.replace(hold, lots=()) for hold_id, hold in replay.holds.items()}
    for hold_id in sorted(stored.keys() | said.keys()):
        if stored.get(hold_id) != said.get(hold_id):
            yield f"hold {hold_id} is {stored.get(hold_id)}, but its entries say {said.get(hold_id)}"


def _numbers(tx: Transaction, replay: Replay) -> Iterator[str]:
    account = accounts.load(tx, replay.bot_id, [replay.client_id])[replay.client_id]
    due = next_due_at(replay.lots.values(), replay.open_holds(), account.settled_at)
    for name, stored, said in (
        ("available", account.available, replay.available),
        ("held", account.held, sum(lot.held for lot in replay.lots.values())),
        ("seq", account.seq, replay.seq),
        ("head hash", account.head_hash.hex(), replay.head_hash.hex()),
        ("next due", account.next_due_at, due),
        ("settled", account.settled_at >= replay.recorded_at, True),
    ):
        if stored != said:
            yield f"{name} is {stored}, but its entries say {said}"
