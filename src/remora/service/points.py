"""Points: reading balances, and carrying out single orders for the operator."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from remora.errors import NoClientFound, Refusal
from remora.ledger.balance import available_at
from remora.ledger.commands import Command
from remora.model import Balance, Platform
from remora.service import access
from remora.service.desk import carry_out
from remora.service.installation import Installation
from remora.service.orders import Done, Job, Order, Who, check
from remora.storage import accounts, clients
from remora.storage.database import Transaction


class ClientPoints(Struct, frozen=True):
    """What one client can spend now."""

    platform: Platform
    points: int


class LookedUp(Struct, frozen=True):
    """The clients found, by the ids they were asked by, in the order asked and each once."""

    by_client_id: dict[str, ClientPoints]
    by_platform_client_id: dict[str, ClientPoints]


def order(
    installation: Installation,
    bot_id: str,
    client_id: str,
    command: Command,
    key: str | None = None,
    *,
    about: str | None = None,
    dry_run: bool = False,
) -> Done:
    """Carry out one order; when it returns, it is on disk. Its refusal is raised.

    With a `key` the first answer, refusals included, is given again to the same order, and KeyReused to
    another one. `about` is whose entry or hold the command names, if its id says so.
    """
    wanted = check(Order(Who(client_id), command, key, about))
    [result] = carry_out(installation, bot_id, [Job((wanted,), dry_run=dry_run)])
    if isinstance(result, Refusal):
        raise result
    return result[0].done()


def look_up(
    tx: Transaction,
    bot_id: str,
    now: int,
    client_ids: Sequence[str] = (),
    platform: Platform | None = None,
    platform_client_ids: Sequence[str] = (),
) -> LookedUp:
    """What each client can spend at `now`, exactly, whether or not anything was settled.

    NoClientFound if not one of the ids is a client's of this bot.
    """
    found = clients.balances(tx, bot_id, client_ids) if client_ids else []
    on_platform = (
        clients.balances_by_platform(tx, bot_id, platform, platform_client_ids)
        if platform and platform_client_ids
        else []
    )
    if not found and not on_platform:
        raise NoClientFound("no client of this bot has any of these ids")
    fresh = _overdue(tx, bot_id, [*found, *on_platform], now)
    return LookedUp(_in_order(client_ids, found, fresh), _in_order(platform_client_ids, on_platform, fresh))


def balances(installation: Installation, bot_id: str, client_ids: Sequence[str]) -> LookedUp:
    """What clients can spend now, for the operator. NoSuchBot and NoClientFound refuse."""
    with installation.database.read() as tx:
        access.known_bot(tx, bot_id)
        return look_up(tx, bot_id, installation.clock.now(), client_ids)


def _overdue(tx: Transaction, bot_id: str, stored: Sequence[Balance], now: int) -> dict[str, int]:
    """Compute from lots and holds the balances that are past their due time, by encoded id."""
    stale = {balance.client_id for balance in stored if balance.next_due_at <= now}
    if not stale:
        return {}
    lots, holds = accounts.open_lots(tx, bot_id, stale), accounts.open_holds(tx, bot_id, stale)
    return {client_id: available_at(lots.get(client_id, ()), holds.get(client_id, ()), now) for client_id in stale}


def _in_order(asked: Sequence[str], stored: Sequence[Balance], fresh: dict[str, int]) -> dict[str, ClientPoints]:
    known = {each.asked_id: ClientPoints(each.platform, fresh.get(each.client_id, each.available)) for each in stored}
    return {asked_id: known[asked_id] for asked_id in asked if asked_id in known}
