"""Short ways to import a file's text, in the shell's way and in the console's, and to see what came of it."""

from __future__ import annotations

import io

from remora.model import NEVER, Role
from remora.service import import_desk, imports, tasks, undoing, uploads
from remora.service.authority import Authority
from remora.service.standing import standings
from remora.service.tasks import Going
from remora.service.undoing import Undone
from remora.service.verdicts import Verdict
from remora.storage.import_tasks import Task
from tests.cast import Shop
from tests.wallet import Wallet

HEADER = "platform,platformClientId,clientId,points,expiresAt,reason,metadata\n"

ADMIN = Authority("admin", Role.ADMIN)

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


def carry_out(shop: Shop, task: Task | None, going: Going = lambda: True) -> None:
    """What a server's thread does with a task that was begun."""
    assert task is not None, "somebody is at it"
    tasks.carry_out(shop.installation, shop.bot_id, task, going)


def looked_at(shop: Shop, file: bytes, name: str = "clients.csv") -> str:
    """The id of an upload that was looked at."""
    kept = uploads.keep(shop.installation, ADMIN, shop.bot_id, name, io.BytesIO(file))
    carry_out(shop, kept)
    return kept.subject


def imported(shop: Shop, file: bytes, going: Going = lambda: True) -> str:
    """The id of an import that the console has run, unless it was told to stop."""
    import_id, task = import_desk.confirm(shop.installation, ADMIN, shop.bot_id, looked_at(shop, file))
    carry_out(shop, task, going)
    return import_id


def undone(shop: Shop, file: bytes) -> str:
    """The id of an import that the console has run and undone."""
    import_id = imported(shop, file)
    carry_out(shop, import_desk.undo(shop.installation, ADMIN, shop.bot_id, import_id))
    return import_id


def stopping_after(times: int) -> Going:
    """Goes on so many times, and then no more."""
    asked = iter(range(times))
    return lambda: next(asked, None) is not None
