"""Points: reading balances, and granting."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from remora.errors import KeyReused, NoClientFound, Refusal, revive
from remora.ledger.balance import available_at
from remora.ledger.grant import Grant
from remora.ledger.grant import grant as decide
from remora.model import Balance, Granted, Platform
from remora.service import access, fields
from remora.service.installation import Installation
from remora.storage import accounts, clients, operations
from remora.storage.database import Transaction
from remora.storage.operations import Operation


class ClientPoints(Struct, frozen=True):
    """What one client can spend now."""

    platform: Platform
    points: int


class LookedUp(Struct, frozen=True):
    """The clients found, by the ids they were asked by, in the order asked and each once."""

    by_client_id: dict[str, ClientPoints]
    by_platform_client_id: dict[str, ClientPoints]


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
    """Compute from their lots the balances that are past their due time, by encoded id."""
    stale = {balance.client_id for balance in stored if balance.next_due_at <= now}
    if not stale:
        return {}
    lots = clients.open_lots(tx, bot_id, stale)
    return {client_id: available_at(lots.get(client_id, ()), now) for client_id in stale}


def _in_order(asked: Sequence[str], stored: Sequence[Balance], fresh: dict[str, int]) -> dict[str, ClientPoints]:
    known = {each.asked_id: ClientPoints(each.platform, fresh.get(each.client_id, each.available)) for each in stored}
    return {asked_id: known[asked_id] for asked_id in asked if asked_id in known}


class _Answer(Struct, frozen=True, omit_defaults=True):
    """What an idempotency key keeps: one of the two."""

    granted: Granted | None = None
    refusal: tuple[int, str] | None = None

    def give(self) -> Granted:
        if self.refusal is not None:
            raise revive(*self.refusal)
        assert self.granted is not None
        return self.granted


def grant(installation: Installation, bot_id: str, client_id: str, command: Grant, key: str | None = None) -> Granted:
    """Give a client points; when it returns, they are on disk.

    With a `key` the first answer, refusals included, is given again to the same request, and
    KeyReused to another one. NoSuchBot, NoClientFound, InvalidField and BalanceOutOfRange refuse.
    """
    if key is not None:
        fields.key(key)
    if command.reason is not None:
        fields.text("reason", command.reason)
    request_hash = hashlib.sha256(msgspec.json.encode(("grant", client_id, command))).digest()
    with installation.database.write() as tx:
        access.known_bot(tx, bot_id)
        answer = _replayed(tx, bot_id, key, request_hash)
        if answer is None:
            answer = _decided(tx, installation, bot_id, client_id, command)
            if key is not None:
                operation = Operation(request_hash, msgspec.json.encode(answer))
                operations.add(tx, bot_id, key, operation, installation.clock.now())
    return answer.give()


def _replayed(tx: Transaction, bot_id: str, key: str | None, request_hash: bytes) -> _Answer | None:
    kept = operations.find(tx, bot_id, key) if key is not None else None
    if kept is None:
        return None
    if kept.request_hash != request_hash:
        raise KeyReused("this idempotency key was used for a different request")
    return msgspec.json.decode(kept.answer, type=_Answer)


def _decided(tx: Transaction, installation: Installation, bot_id: str, client_id: str, command: Grant) -> _Answer:
    try:
        account = accounts.load(tx, bot_id, client_id)
        if account is None:
            raise NoClientFound(f"the bot has no client {client_id}")
        now = max(installation.clock.now(), account.settled_at)
        decision = decide(account, command, now)
    except Refusal as refusal:
        return _Answer(refusal=(refusal.code, refusal.message))
    accounts.save(tx, decision)
    return _Answer(granted=Granted(decision.entries[-1], decision.account.available))
