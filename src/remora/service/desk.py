"""Carrying out orders: everything they touch is loaded at once, decided in memory, and written at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain

import msgspec
from msgspec.structs import replace

from remora.errors import BatchRefused, KeyReused, NoClientFound, Refusal
from remora.ledger.commands import Capture, Command, Release, Reverse
from remora.ledger.decide import decide
from remora.model import Account, Client, Decision, Entry, LotChange, Reversible
from remora.service import access
from remora.service.clients import next_free_id
from remora.service.installation import Installation
from remora.service.orders import Job, Order, Outcome, Who, refused
from remora.storage import accounts, clients, operations
from remora.storage.accounts import EntryName
from remora.storage.clients import PlatformPair
from remora.storage.database import Transaction, UniqueViolation
from remora.storage.operations import Operation

TRIES = 5
"""How often orders are begun anew because others were quicker with a key of theirs."""

Result = list[Outcome] | Refusal
"""An outcome for each order of a job; or the refusal of the whole of it."""


Written = Callable[[str, Iterable[Entry]], None]
"""Is told of a bot's entries once they are on disk. It must not fail: what was done cannot be undone for it."""


def carry_out(
    installation: Installation, bot_id: str, jobs: Sequence[Job], written: Written = lambda *_: None
) -> list[Result]:
    """Carry out one bot's jobs in one transaction, in order. NoSuchBot and StoreUnavailable refuse them
    all.
    """
    for _ in range(TRIES):
        try:
            return _carried_out(installation, bot_id, jobs, written)
        except UniqueViolation as taken:
            # Another process has kept one of these keys for another client meanwhile. Now it is there to be read.
            last = taken
    raise last


def _carried_out(installation: Installation, bot_id: str, jobs: Sequence[Job], written: Written) -> list[Result]:
    with installation.database.write() as tx:
        desk = Desk(tx, installation, bot_id, [order for job in jobs for order in job.orders])
        results = [desk.job(job) for job in jobs]
        desk.save(tx)
    written(bot_id, chain.from_iterable(desk.changed.entries.values()))
    return results


@dataclass
class _Changed:
    """What the orders so far have changed; it is copied whole, to be put back."""

    accounts: dict[str, Account]
    targets: dict[EntryName, Reversible]
    client_ids: dict[PlatformPair, str]
    last_number: int
    entries: dict[str, tuple[Entry, ...]] = field(default_factory=dict)
    clients: tuple[Client, ...] = ()
    keys: dict[str, Operation] = field(default_factory=dict)

    def copy(self) -> _Changed:
        return _Changed(
            dict(self.accounts),
            dict(self.targets),
            dict(self.client_ids),
            self.last_number,
            dict(self.entries),
            self.clients,
            dict(self.keys),
        )


class Desk:
    """One transaction's accounts, in memory: as they were loaded, and as they are after the orders so far."""

    def __init__(self, tx: Transaction, installation: Installation, bot_id: str, orders: Sequence[Order]) -> None:
        self.bot = access.known_bot(tx, bot_id)
        self.encoder = installation.encoder
        # Locks come in one order everywhere, so that writers never wait for each other: bot, clients, keys.
        client_ids, last_number = self._client_ids(tx, orders)
        holds, reversals = _named(orders, client_ids)
        named = {client_id for order in orders if (client_id := _client_id(order.who, client_ids))}
        self.loaded = accounts.load(tx, bot_id, named, lock=True, holds=holds, reversals=reversals)
        self.kept = operations.find(tx, bot_id, {order.key for order in orders if order.key is not None})
        # "Now" is taken under the locks, so that it does not run backwards from one writer to the next.
        self.now = installation.clock.now()
        self.changed = _Changed(
            accounts=dict(self.loaded),
            targets=accounts.reversibles(tx, bot_id, reversals),
            client_ids=client_ids,
            last_number=last_number,
        )
        self.tx = tx

    def _client_ids(self, tx: Transaction, orders: Sequence[Order]) -> tuple[dict[PlatformPair, str], int]:
        """The encoded ids of the clients that are named by platform; and where some have still to be made, the
        number that the newest encoded id was made of.
        """
        pairs = {pair for order in orders if (pair := _pair(order.who))}
        if not pairs:
            return {}, 0
        bot_id, last_number = self.bot.bot_id, 0
        found = clients.by_platform(tx, bot_id, pairs)
        if any(order.who.create and _pair(order.who) not in found for order in orders):
            # Under the bot's lock, for somebody else may have made them meanwhile.
            access.known_bot(tx, bot_id, lock=True)
            last_number = clients.last_number(tx, bot_id)
            found = clients.by_platform(tx, bot_id, pairs)
        return {pair: client.client_id for pair, client in found.items()}, last_number

    def job(self, job: Job) -> Result:
        """Carry out a job's orders, one after the other; of an atomic job all or none."""
        before = self.changed.copy() if job.atomic or job.dry_run else self.changed
        outcomes: list[Outcome] = []
        for index, order in enumerate(job.orders):
            outcome = self.order(order)
            if job.atomic and outcome.refusal is not None:
                self.changed = before
                why = f"{outcome.refusal.message} (code {outcome.refusal.code})"
                return BatchRefused(f"operations[{index}] was refused, and nothing was done: {why}")
            outcomes.append(outcome)
        if job.dry_run:
            self.changed = before
        return outcomes

    def order(self, order: Order) -> Outcome:
        """Carry out one order, or give the outcome that its key has already."""
        kept = self.changed.keys.get(order.key or "") or self.kept.get(order.key or "")
        if kept is not None:
            if kept.request_hash != order.request_hash:
                return refused(KeyReused("this idempotency key was used for a different request"))
            return replace(msgspec.json.decode(kept.answer, type=Outcome), replayed=True)
        outcome = self._decided(order)
        if order.key is not None:
            self.changed.keys[order.key] = Operation(order.request_hash, msgspec.json.encode(outcome))
        return outcome

    def save(self, tx: Transaction) -> None:
        """Write whatever the orders have changed."""
        bot_id, changed = self.bot.bot_id, self.changed
        if changed.clients:
            clients.add(tx, bot_id, changed.clients, self.now)
            clients.note_number(tx, bot_id, changed.last_number)
        accounts.save(
            tx,
            bot_id,
            [
                (self.loaded.get(client_id, Account(bot_id, client_id)), changed.accounts[client_id], entries)
                for client_id, entries in changed.entries.items()
            ],
        )
        operations.add(tx, bot_id, changed.keys, self.now)

    def _decided(self, order: Order) -> Outcome:
        try:
            client_id, made = self._client(order.who)
            account = Account(self.bot.bot_id, client_id) if made else self.changed.accounts.get(client_id)
            if account is None:
                raise NoClientFound("the bot has no such client")
            command = order.command if order.about in (None, client_id) else _naming_nothing(order.command)
            target = self.changed.targets.get((client_id, command.seq)) if isinstance(command, Reverse) else None
            decision = decide(account, command, self.now, self.bot, target, order.operator)
        except Refusal as refusal:
            return refused(refusal)
        if made is not None:
            self._note_client(made)
        self._note(client_id, decision)
        return Outcome(client_id, decision.answer, decision.account.available, decision.shortfall)

    def _client(self, who: Who) -> tuple[str, Client | None]:
        """The client's encoded id, and the client itself where it has still to be made."""
        known = _client_id(who, self.changed.client_ids)
        if known is not None:
            return known, None
        if not who.create or who.platform is None or who.platform_client_id is None:
            raise NoClientFound("the bot has no such client")
        # If the order is refused, the number is left out: it names nobody.
        self.changed.last_number, client_id = next_free_id(
            self.tx, self.encoder, self.bot.bot_id, self.changed.last_number
        )
        return client_id, Client(client_id, who.platform, who.platform_client_id)

    def _note_client(self, made: Client) -> None:
        self.changed.clients += (made,)
        self.changed.client_ids[made.platform, made.platform_client_id] = made.client_id

    def _note(self, client_id: str, decision: Decision) -> None:
        """Keep a decision for the orders that follow, some of which may be about its entries."""
        changed = self.changed
        changed.accounts[client_id] = decision.account
        changed.entries[client_id] = (*changed.entries.get(client_id, ()), *decision.entries)
        entry = decision.answer
        assert entry is not None, "every command answers with an entry"
        target = changed.targets.get((client_id, entry.refers_to or 0))
        if entry.kind == "reverse" and target is not None:
            changed.targets[client_id, target.entry.seq] = Reversible(
                target.entry, _summed(target.reversed_lots, entry.lots)
            )


def _pair(who: Who) -> PlatformPair | None:
    if who.platform is None or who.platform_client_id is None:
        return None
    return who.platform, who.platform_client_id


def _client_id(who: Who, client_ids: dict[PlatformPair, str]) -> str | None:
    pair = _pair(who)
    return who.client_id if pair is None else client_ids.get(pair)


def _named(orders: Sequence[Order], client_ids: dict[PlatformPair, str]) -> tuple[set[EntryName], set[EntryName]]:
    """The holds that are to be ended, and the entries that are to be reversed."""
    holds, reversals = set(), set()
    for order in orders:
        client_id = _client_id(order.who, client_ids)
        if client_id is None:
            continue
        match order.command:
            case Capture(hold_id=hold_id) | Release(hold_id=hold_id):
                holds.add((client_id, hold_id))
            case Reverse(seq=seq):
                reversals.add((client_id, seq))
    return holds, reversals


def _naming_nothing(command: Command) -> Command:
    """A command that named another client's hold or entry names none of this one's."""
    match command:
        case Capture() | Release():
            return replace(command, hold_id=0)
        case Reverse():
            return replace(command, seq=0)
    return command


def _summed(*parts: Sequence[LotChange]) -> tuple[LotChange, ...]:
    total: dict[int, int] = {}
    for part in parts:
        for change in part:
            total[change.lot_id] = total.get(change.lot_id, 0) + change.points
    return tuple(LotChange(lot_id, points) for lot_id, points in total.items())
