"""Tidying: settling what is due, and forgetting old idempotency keys and uploads. It never changes an answer."""

from __future__ import annotations

from collections.abc import Callable

from remora.ledger.settle import settled
from remora.model import MICROSECONDS_PER_SECOND
from remora.service import uploads
from remora.service.installation import Installation
from remora.storage import accounts, clients, operations

BATCH = 500
KEY_LIFE = 30 * 86_400 * MICROSECONDS_PER_SECOND


def work(installation: Installation, bot_id: str) -> int:
    """How much there is to do for a bot: clients to settle, and keys and files of imports to forget."""
    now, files = installation.clock.now(), len(uploads.old(installation, bot_id))
    with installation.database.read() as tx:
        return clients.count_due(tx, bot_id, now) + operations.count_old(tx, bot_id, now - KEY_LIFE) + files


def tidy(installation: Installation, bot_id: str, done: Callable[[int], None]) -> tuple[int, int]:
    """Settle what is due by now, and forget keys older than 30 days and old files of imports, in small transactions.

    `done` is told of each batch how much it did. Returns how many clients and how many keys.
    """
    now = installation.clock.now()
    settled_clients = forgotten = 0
    while count := _settle_some(installation, bot_id, now):
        settled_clients += count
        done(count)
    while count := _forget_some(installation, bot_id, now - KEY_LIFE):
        forgotten += count
        done(count)
    done(uploads.forget_old(installation, bot_id))
    return settled_clients, forgotten


def _settle_some(installation: Installation, bot_id: str, now: int) -> int:
    with installation.database.write() as tx:
        due = accounts.load(tx, bot_id, clients.due(tx, bot_id, now, BATCH), lock=True)
        accounts.save(tx, bot_id, [settled(account, now).changes() for account in due.values()])
    return len(due)


def _forget_some(installation: Installation, bot_id: str, before: int) -> int:
    with installation.database.write() as tx:
        return operations.clear(tx, bot_id, before, BATCH)
