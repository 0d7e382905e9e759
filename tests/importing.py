"""Short ways to import a file's text, and to see what came of it."""

from __future__ import annotations

import io

from remora.model import NEVER
from remora.service import imports, undoing
from remora.service.standing import standings
from remora.service.undoing import Undone
from remora.service.verdicts import Verdict
from tests.cast import Shop
from tests.wallet import Wallet

HEADER = "platform,platformClientId,clientId,points,expiresAt,reason,metadata\n"

Told = list[tuple[int, str, int, str | None]]
"""Of each row its line, verdict, points and detail."""


def rows(*lines: str) -> bytes:
    """A file with every column."""
    return (HEADER + "".join(f"{line}\n" for line in lines)).encode()


def check(shop: Shop, file: bytes) -> list[Verdict]:
    with imports.read(shop.installation, shop.bot_id, io.BytesIO(file)) as draft:
        return list(imports.check(shop.installation, draft))


def run(shop: Shop, file: bytes, name: str = "clients.csv") -> list[Verdict]:
    with imports.read(shop.installation, shop.bot_id, io.BytesIO(file)) as draft:
        return list(imports.run(shop.installation, draft, name))


def import_id(shop: Shop, file: bytes) -> str:
    with imports.read(shop.installation, shop.bot_id, io.BytesIO(file)) as draft:
        return draft.import_id


def undo(shop: Shop, file: bytes) -> list[Undone]:
    return list(undoing.undo(shop.installation, shop.bot_id, import_id(shop, file)))


def told(verdicts: list[Verdict]) -> Told:
    return [(each.row.line, each.verdict, each.row.points, each.detail) for each in verdicts]


def balances(shop: Shop) -> dict[str, int]:
    """What each client can spend, by platform and the platform's id."""
    found = standings(shop.installation, shop.bot_id, shop.installation.clock.now())
    return {f"{each.platform} {each.platform_client_id}": each.points for each in found}


def dates(shop: Shop, client_id: str) -> list[int | None]:
    """When each lot of a client expires."""
    return [None if lot.expires_at == NEVER else lot.expires_at for lot in Wallet(shop, client_id).explain().lots]
