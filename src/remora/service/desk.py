"""Carrying out orders: everything they touch is loaded at once, decided in memory, and written at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain

from msgspec.structs import replace

from remora.courtesy import gently
from remora.errors import BatchRefused, KeyReused, NoClientFound, Refusal
from remora.ledger.book import Book, Mark, MoreLots
from remora.ledger.commands import Capture, Command, Release, Reverse
from remora.ledger.decide import decide
from remora.ledger.decided import Decided
from remora.model import Account, Client, Entry, LotChange, Reversible
from remora.service import access, keys
from remora.service.clients import next_free_id
from remora.service.installation import Installation
from remora.service.keys import Used
from remora.service.needs import Needs
from remora.service.orders import Job, Order, Outcome, Who, refused
from remora.storage import accounts, clients, opening, operations
from remora.storage.accounts import EntryName
from remora.storage.bots import Caller
from remora.storage.clients import PlatformPair
from remora.storage.database import Transaction, UniqueViolation
from remora.storage.opening import Asked, Opened

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
    with _opened(installation, bot_id, jobs) as desk:
        results = [desk.job(job) for job in gently(jobs)]
        desk.save()
    written(bot_id, chain.from_iterable(book.entries for book in desk.books.values()))
    return results


@contextmanager
def _opened(installation: Installation, bot_id: str, jobs: Sequence[Job]) -> Iterator[Desk]:
    """A desk in a transaction. Locks come in one order everywhere, so that writers never wait for each other: bot,
    clients, keys.
    """
    orders = [order for job in jobs for order in job.orders]
    asked_keys = {order.key for order in orders if order.key is not None}
    token_ids = {job.token_id for job in jobs if job.token_id is not None}
    if any(order.who.pair for order in orders):
        with installation.database.write() as tx:
            client_ids, last_number = _client_ids(tx, bot_id, orders)
            needs = Needs(orders, client_ids)
            asked = Asked(needs.clients, asked_keys, token_ids)
            rows = tx.together(*opening.queries(bot_id, asked))
            yield Desk(tx, installation, opening.opened(bot_id, asked, rows), needs, last_number)
    else:
        needs = Needs(orders, {})
        asked = Asked(needs.clients, asked_keys, token_ids)
        with installation.database.write_after(*opening.queries(bot_id, asked)) as (tx, rows):
            yield Desk(tx, installation, opening.opened(bot_id, asked, rows), needs)


def _client_ids(tx: Transaction, bot_id: str, orders: Sequence[Order]) -> tuple[dict[PlatformPair, str], int]:
    """The encoded ids of the clients that are named by platform; and where some have still to be made, the number
    that the newest encoded id was made of.
    """
    pairs, last_number = {pair for order in orders if (pair := order.who.pair)}, 0
    found = clients.by_platform(tx, bot_id, pairs)
    if any(order.who.create and order.who.pair not in found for order in orders):
        # Under the bot's lock, for somebody else may have made them meanwhile.
        access.known_bot(tx, bot_id, lock=True)
        last_number = clients.last_number(tx, bot_id)
        found = clients.by_platform(tx, bot_id, pairs)
    return {pair: client.client_id for pair, client in found.items()}, last_number


@dataclass
class _Noted:
    """What the orders so far have brought about beside the books; it is copied whole, to be put back."""

    targets: dict[EntryName, Reversible]
    client_ids: dict[PlatformPair, str]
    last_number: int
    clients: tuple[Client, ...] = ()
    keys: dict[str, Used] = field(default_factory=dict)

    def copy(self) -> _Noted:
        return _Noted(dict(self.targets), dict(self.client_ids), self.last_number, self.clients, dict(self.keys))


class Desk:
    """One transaction's accounts, in memory: a book for each, in which the orders are carried out one by one."""

    def __init__(
        self, tx: Transaction, installation: Installation, opened: Opened, needs: Needs, last_number: int = 0
    ) -> None:
        self.tx = tx
        self.bot = opened.bot
        self.bot_id = opened.bot.bot_id
        self.used = keys.known(tx, self.bot_id, opened.kept)
        self.encoder = installation.encoder
        loaded = needs.load(tx, self.bot_id, opened.accounts)
        # "Now" is taken under the locks, so that it does not run backwards from one writer to the next.
        self.now = installation.clock.now()
        self.books = {client_id: Book(account, self.now) for client_id, account in loaded.items()}
        self.noted = _Noted(
            targets=accounts.reversibles(tx, self.bot_id, needs.reversals),
            client_ids=needs.client_ids,
            last_number=last_number,
        )
        self._marks: dict[str, Mark] | None = None
        self._shut_out = dict(_shut_out(opened.callers, self.now))

    def job(self, job: Job) -> Result:
        """Carry out a job's orders, one after the other; of an atomic job all or none."""
        if job.token_id in self._shut_out:
            return self._shut_out[job.token_id]
        if not (job.atomic or job.dry_run):
            return [self.order(order) for order in gently(job.orders)]
        before, self._marks = self.noted.copy(), {}
        outcomes: list[Outcome] = []
        for index, order in enumerate(gently(job.orders)):
            outcome = self.order(order)
            if job.atomic and outcome.refusal is not None:
                self._undo(before)
                why = f"{outcome.refusal.message} (code {outcome.refusal.code})"
                return BatchRefused(f"operations[{index}] was refused, and nothing was done: {why}")
            outcomes.append(outcome)
        if job.dry_run:
            self._undo(before)
        self._marks = None
        return outcomes

    def order(self, order: Order) -> Outcome:
        """Carry out one order, or give the outcome that its key has already."""
        if order.key is None:
            return self._decided(order)
        request_hash = order.request_hash
        used = self.noted.keys.get(order.key) or self.used.get(order.key)
        if used is not None:
            if used.request_hash != request_hash:
                return refused(KeyReused("this idempotency key was used for a different request"))
            return replace(used.outcome, replayed=True)
        outcome = self._decided(order)
        self.noted.keys[order.key] = Used(request_hash, outcome)
        return outcome

    def save(self) -> None:
        """Write whatever the orders have changed."""
        tx, bot_id, noted = self.tx, self.bot_id, self.noted
        if noted.clients:
            clients.add(tx, bot_id, noted.clients, self.now)
            clients.note_number(tx, bot_id, noted.last_number)
        accounts.save(tx, bot_id, [book.changes() for book in self.books.values() if book.entries])
        operations.add(tx, bot_id, {key: keys.operation(used) for key, used in noted.keys.items()}, self.now)

    def _undo(self, before: _Noted) -> None:
        """Come back to where the job began."""
        for client_id, mark in (self._marks or {}).items():
            self.books[client_id].undo(mark)
        self.noted, self._marks = before, None

    def _decided(self, order: Order) -> Outcome:
        try:
            made, client_id = None, order.who.known(self.noted.client_ids)
            if client_id is None:
                client_id, made = self._made(order.who)
                self.books[client_id] = Book(Account(self.bot_id, client_id), self.now)
            book = self.books.get(client_id)
            if book is None:
                raise NoClientFound("the bot has no such client")
            if self._marks is not None:
                self._marks.setdefault(client_id, book.mark())
            command, about = order.command, order.about
            if about is not None and about != client_id:
                command = _naming_nothing(command)
            decided = self._decide(book, command, order.operator)
        except Refusal as refusal:
            return refused(refusal)
        if made is not None:
            self._note_client(made)
        return Outcome(client_id, decided.entry, book.available, decided.shortfall)

    def _decide(self, book: Book, command: Command, operator: str | None) -> Decided:
        """Decide, with all of the client's lots if those that were loaded turn out to be too few."""
        # What it is not, `isinstance` takes four times as long to tell.
        target = self._target(book, command.seq) if type(command) is Reverse else None
        try:
            decided = decide(book, command, self.bot, target, operator)
        except MoreLots:
            client_id = book.account.client_id
            book.add_lots(accounts.open_lots(self.tx, self.bot_id, [client_id])[client_id])
            decided = decide(book, command, self.bot, target, operator)
        if target is not None:
            name = book.account.client_id, target.entry.seq
            self.noted.targets[name] = Reversible(target.entry, _summed(target.reversed_lots, decided.entry.lots))
        return decided

    def _target(self, book: Book, seq: int) -> Reversible | None:
        """The entry that is to be reversed; it may be one of those that came before in this transaction."""
        name = book.account.client_id, seq
        entry = book.written(seq)
        return self.noted.targets.get(name) or (Reversible(entry, ()) if entry else None)

    def _made(self, who: Who) -> tuple[str, Client]:
        """The client that has still to be made, and its encoded id."""
        noted = self.noted
        if not who.create or who.platform is None or who.platform_client_id is None:
            raise NoClientFound("the bot has no such client")
        # If the order is refused, the number is left out: it names nobody.
        noted.last_number, client_id = next_free_id(self.tx, self.encoder, self.bot_id, noted.last_number)
        return client_id, Client(client_id, who.platform, who.platform_client_id)

    def _note_client(self, made: Client) -> None:
        self.noted.clients += (made,)
        self.noted.client_ids[made.platform, made.platform_client_id] = made.client_id


def _shut_out(callers: Mapping[str, Caller], now: int) -> Iterator[tuple[str | None, Refusal]]:
    """The tokens that are not let in any more, and why."""
    for token_id, caller in callers.items():
        try:
            access.check_again(caller, now)
        except Refusal as refusal:
            yield token_id, refusal


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
