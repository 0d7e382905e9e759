"""One client of a shop, and short ways to move their points and to look at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from remora.ledger.commands import Capture, Command, Grant, Hold, Release, Reverse, Spend
from remora.model import Entry
from remora.service import history, lookup, points, tidy
from remora.service.history import Explanation, Page
from remora.service.orders import Done, Who
from tests.cast import SECOND, START, ManualClock, Shop


@dataclass
class Wallet:
    shop: Shop
    client_id: str

    def do(self, command: Command, key: str | None = None) -> Done:
        return points.order(self.shop.installation, self.shop.bot_id, self.client_id, command, key)

    def seq(self, command: Command) -> int:
        """Carry it out, and return the seq that names the entry, the lot or the hold."""
        return self.do(command).entry.seq

    @property
    def available(self) -> int:
        found = lookup.balances(self.shop.installation, self.shop.bot_id, [self.client_id])
        return found[self.client_id].points

    @property
    def held(self) -> int:
        return self.explain().held

    @property
    def now(self) -> int:
        return self.shop.installation.clock.now()

    def explain(self, at: int | None = None) -> Explanation:
        with self.shop.installation.database.read() as tx:
            return history.explain(tx, self.shop.bot_id, Who(self.client_id), self.now if at is None else at)

    def page(self, most: int = 1_000, **filters: Any) -> Page:
        with self.shop.installation.database.read() as tx:
            return history.history(tx, self.shop.bot_id, Who(self.client_id), self.now, most=most, **filters)

    def journal(self) -> list[Entry]:
        """All entries, oldest first, those included that are due and unwritten."""
        return self.page().entries[::-1]

    def kinds(self) -> list[tuple[str, int]]:
        """The journal in short."""
        return [(entry.kind, entry.points) for entry in self.journal()]

    def remaining(self) -> dict[int, int]:
        """What is left of each lot that has points."""
        return {lot.lot_id: lot.remaining for lot in self.explain().lots if lot.remaining}

    def tidy(self) -> None:
        tidy.tidy(self.shop.installation, self.shop.bot_id, lambda _: None)


def eventful(shop: Shop, clock: ManualClock) -> Wallet:
    """A wallet whose journal has something of every kind, beside another client's."""
    wallet = Wallet(shop, shop.client())
    wallet.do(Grant(10, START + 4, metadata={"order": "A-1", "items": [1, 2.5]}))
    wallet.do(Grant(20, START + 9 * SECOND, START + 2))
    wallet.do(Spend(3, reason="tea"))
    wallet.do(Reverse(3, 1))
    wallet.do(Hold(4, 1))
    clock.time = START + 5
    hold = wallet.seq(Hold(5, 5))
    wallet.do(Release(wallet.seq(Hold(1))))
    clock.time = START + 2 * SECOND
    wallet.do(Capture(hold, 2))
    wallet.do(Hold(6, 60))
    Wallet(shop, shop.client(7, platform_client_id="U2")).do(Spend(1))
    return wallet
