"""What the console can do, each verb for the operator who asks. Their Authority decides, not what a page shows."""

from __future__ import annotations

from msgspec import Struct

from remora.errors import NoClientFound, NoSuchEntry
from remora.ledger.commands import Command
from remora.model import NEVER, Bot, Client, Entry
from remora.service import access, bots, fields, history, pairs
from remora.service.authority import Authority
from remora.service.bots import BotStatus
from remora.service.history import Explanation, Page
from remora.service.installation import Installation
from remora.service.orders import Job, Order, Who, check
from remora.service.pairs import Pair
from remora.storage import accounts, clients
from remora.storage.database import Transaction


class Statement(Struct, frozen=True):
    """One client's ledger for a person: now, at the instant they asked for, and a page of the journal."""

    bot: Bot
    client: Client
    now: Explanation
    at: Explanation | None
    journal: Page


class Undoable(Struct, frozen=True):
    """An entry, and how many of its points are left to reverse."""

    entry: Entry
    left: int


def bots_of(installation: Installation, authority: Authority) -> list[BotStatus]:
    """The operator's bots, oldest first."""
    mine = [bot for bot in bots.every(installation) if authority.may_read(bot.bot_id)]
    return [bots.show(installation, bot.bot_id) for bot in mine]


def bot(installation: Installation, authority: Authority, bot_id: str) -> BotStatus:
    """One bot, or NoSuchBot."""
    authority.reads(bot_id)
    return bots.show(installation, bot_id)


def issue_pair(
    installation: Installation, authority: Authority, bot_id: str, replacing: str, overlap_minutes: int | None
) -> Pair:
    """Replace the bot's pair, unless that was done since the operator saw `replacing`, the id of its token:
    PairSuperseded then, so that asking twice replaces once.
    """
    authority.administers()
    authority.reads(bot_id)
    return pairs.rotate(installation, bot_id, overlap_minutes, replacing=replacing)


def statement(
    installation: Installation,
    authority: Authority,
    bot_id: str,
    client_id: str,
    *,
    at: int | None = None,
    before: int = NEVER,
    most: int,
) -> Statement:
    """One client's ledger, or NoSuchBot or NoClientFound. All of it is of one snapshot."""
    authority.reads(bot_id)
    with installation.database.read() as tx:
        of, client = _client(tx, bot_id, client_id)
        who, now = Who(client_id), installation.clock.now()
        return Statement(
            bot=of,
            client=client,
            now=history.explain_now(tx, bot_id, who, now),
            at=None if at is None else history.explain(tx, bot_id, who, at),
            journal=history.history(tx, bot_id, who, now, most=most, before=before),
        )


def undoable(installation: Installation, authority: Authority, bot_id: str, client_id: str, seq: int) -> Undoable:
    """An entry that is to be reversed; NoSuchEntry if the client has none of this number."""
    authority.changes(bot_id)
    with installation.database.read() as tx:
        _client(tx, bot_id, client_id)
        found = accounts.reversibles(tx, bot_id, [(client_id, seq)] if seq < NEVER else []).get((client_id, seq))
    if found is None:
        raise NoSuchEntry("the client has no such entry")
    of_lots = (*found.entry.lots, *found.reversed_lots)
    return Undoable(found.entry, abs(sum(change.points for change in of_lots)))


def job(authority: Authority, bot_id: str, client_id: str, command: Command, key: str, *, dry_run: bool) -> Job:
    """The job that carries a command out in the operator's name; NotAllowed, NoSuchBot and InvalidField refuse. It goes
    through the engine, like those of the API.
    """
    authority.changes(bot_id)
    if not fields.IDENTIFIER.fullmatch(client_id):
        raise NoClientFound(f"the bot has no client {client_id}")
    order = check(Order(Who(client_id), command, key, operator=authority.operator))
    return Job((order,), dry_run=dry_run)


def _client(tx: Transaction, bot_id: str, client_id: str) -> tuple[Bot, Client]:
    of = access.known_bot(tx, bot_id)
    found = clients.find(tx, bot_id, client_id) if fields.IDENTIFIER.fullmatch(client_id) else None
    if found is None:
        raise NoClientFound(f"the bot has no client {client_id}")
    return of, found
