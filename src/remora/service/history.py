"""Explaining a balance: the journal, page by page, and the lots and holds at any instant.

Both show what came due as if it had been settled already, so that no answer depends on whether it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from msgspec import Struct

from remora.errors import NoClientFound
from remora.ledger.replay import Replay
from remora.ledger.settle import settled
from remora.model import KINDS, NEVER, Account, Entry, Hold, Lot
from remora.service.orders import Who
from remora.storage import accounts, clients, journal
from remora.storage.database import Transaction

MAX_LOTS = 1_000
"""An explanation lists at most so many lots: those with points left first, then the newest."""


class Page(Struct, frozen=True):
    """Entries, newest first; `next_before` goes on after them, None if there are no more."""

    client_id: str
    entries: list[Entry]
    next_before: int | None


class Explanation(Struct, frozen=True):
    """A client's ledger at an instant. What the lots offer adds up to `available`; what they hold, and
    what the holds reserve, to `held`.
    """

    client_id: str
    at: int
    available: int
    held: int
    lots: list[Lot]
    holds: list[Hold]
    next_expiry_at: int | None
    next_expiry_points: int


def history(
    tx: Transaction,
    bot_id: str,
    who: Who,
    now: int,
    *,
    most: int,
    before: int = NEVER,
    kinds: Sequence[str] = KINDS,
    since: int = -NEVER,
    until: int = NEVER,
) -> Page:
    """At most `most` entries before a seq, of some kinds, with since <= at < until. NoClientFound refuses."""
    account = _account(tx, bot_id, who)
    unwritten = (
        entry
        for entry in reversed(settled(account, now).entries)
        if entry.seq < before and entry.kind in kinds and since <= entry.at < until
    )
    found = list(islice(unwritten, most + 1))
    found += journal.newest(
        tx,
        bot_id,
        account.client_id,
        before=before,
        kinds=kinds,
        since=since,
        until=until,
        most=most + 1 - len(found),
    )
    more = len(found) > most
    return Page(account.client_id, found[:most], found[most - 1].seq if more else None)


def explain_now(tx: Transaction, bot_id: str, who: Who, now: int) -> Explanation:
    """The ledger as look-ups answer it. A clock that has stepped back does not undo what was written."""
    account = _account(tx, bot_id, who)
    return _explained(tx, account, max(now, account.settled_at))


def explain(tx: Transaction, bot_id: str, who: Who, at: int) -> Explanation:
    """The ledger at any past instant, or at a future one: what will be left then. NoClientFound refuses."""
    return _explained(tx, _account(tx, bot_id, who), at)


def _explained(tx: Transaction, account: Account, at: int) -> Explanation:
    bot_id = account.bot_id
    if at < account.settled_at:
        replay = Replay(bot_id, account.client_id)
        for entry in journal.oldest_first(tx, bot_id, account.client_id, until=at):
            replay.apply(entry)
        account, lots = replay.account(), {}
    else:
        lots = {lot.lot_id: lot for lot in journal.lots(tx, bot_id, account.client_id, MAX_LOTS)}
    then = settled(account, at).account_after()
    lots |= {lot.lot_id: lot for lot in then.lots}
    offered = [lot for lot in then.lots if lot.free and lot.expires_at != NEVER]
    next_expiry_at = min((lot.expires_at for lot in offered), default=None)
    return Explanation(
        client_id=account.client_id,
        at=at,
        available=then.available,
        held=then.held,
        lots=_shown(list(lots.values())),
        holds=[hold for hold in then.holds if hold.is_open],
        next_expiry_at=next_expiry_at,
        next_expiry_points=sum(lot.free for lot in offered if lot.expires_at == next_expiry_at),
    )


def _shown(lots: list[Lot]) -> list[Lot]:
    """The lots in the order in which they were granted; if there are too many, the spent and older ones go."""
    kept = sorted(lots, key=lambda lot: (lot.remaining == 0, -lot.lot_id))[:MAX_LOTS]
    return sorted(kept, key=lambda lot: lot.lot_id)


def _account(tx: Transaction, bot_id: str, who: Who) -> Account:
    client_id = who.client_id
    if who.platform is not None and who.platform_client_id is not None:
        found = clients.by_platform(tx, bot_id, [(who.platform, who.platform_client_id)])
        client_id = next((client.client_id for client in found.values()), None)
    known = accounts.load(tx, bot_id, [client_id]) if client_id else {}
    if client_id not in known:
        raise NoClientFound("the bot has no such client")
    return known[client_id]
