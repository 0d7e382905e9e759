"""What orders need of the accounts: rarely all of their lots.

A grant looks at none, and a spend at the first ones. That is so where nothing comes due: then every lot has started and
none expires, so the stored numbers say all there is to know of the others. Where something comes due, the moment that
comes next depends on all lots and holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from remora.ledger.commands import Capture, Command, Grant, Hold, Release, Reverse, Spend
from remora.model import NEVER, Account
from remora.service.orders import Order
from remora.storage import accounts
from remora.storage.accounts import EntryName
from remora.storage.clients import PlatformPair
from remora.storage.database import Transaction

LOTS_FOR_EACH = 8
"""With so many lots for each order that takes points most need no more. If they do, the rest is loaded."""


class Needs:
    """The clients that orders name, and what of each is to be loaded."""

    def __init__(self, orders: Sequence[Order], client_ids: dict[PlatformPair, str]) -> None:
        self.client_ids = client_ids
        self.clients: set[str] = set()
        self.holds: set[EntryName] = set()
        self.reversals: set[EntryName] = set()
        self._whole: set[str] = set()
        self._taken_from: Counter[str] = Counter()
        for order in orders:
            client_id = order.who.known(client_ids)
            if client_id is not None:
                self.clients.add(client_id)
                if not isinstance(order.command, Grant):
                    self._add(client_id, order.command)

    def load(self, tx: Transaction, bot_id: str, numbers: dict[str, Account]) -> dict[str, Account]:
        """The accounts with the lots and holds that they need."""
        whole = {
            client_id: account
            for client_id, account in numbers.items()
            if account.next_due_at != NEVER or client_id in self._whole
        }
        taken_from = {
            client_id: numbers[client_id]
            for client_id in self._taken_from
            if client_id in numbers and client_id not in whole
        }
        most = LOTS_FOR_EACH * max((self._taken_from[client_id] for client_id in taken_from), default=0)
        return (
            numbers
            | accounts.in_part(tx, bot_id, taken_from, most)
            | accounts.whole(tx, bot_id, whole, holds=self.holds, reversals=self.reversals)
        )

    def _add(self, client_id: str, command: Command) -> None:
        match command:
            case Spend() | Hold():
                self._taken_from[client_id] += 1
            case Capture(hold_id=hold_id) | Release(hold_id=hold_id):
                self._whole.add(client_id)
                self.holds.add((client_id, hold_id))
            case Reverse(seq=seq):
                self._whole.add(client_id)
                self.reversals.add((client_id, seq))
