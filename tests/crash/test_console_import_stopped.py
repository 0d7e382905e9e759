"""A server that is stopped amid an import leaves it after a batch, and another finishes it when told to continue."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor

from remora.model import Role
from remora.service import imports, passwords, verify
from remora.storage import operators
from remora.storage.operators import OperatorRow
from tests.cast import Shop
from tests.crash.server import Server, Start
from tests.eventually import until
from tests.importing import rows
from tests.web.console.importer import send, settled
from tests.web.console.visitor import PASSWORD, Visitor

ROWS = 16_000
"""Some 5,000 are done until a server that is told to stop has come to where it leaves the import."""


def signed_in(server: Server) -> Visitor:
    visitor = Visitor(server.http)
    assert visitor.sign_in("admin").status_code == 303
    return visitor


def test_an_import_is_left_at_a_stop_and_finished_by_another_server(start: Start, shop: Shop) -> None:
    with shop.installation.database.write() as tx:
        operators.add(
            tx, OperatorRow("admin", Role.ADMIN, passwords.hashed(PASSWORD), disabled=False, epoch=0, created_at=0)
        )
    first = start()
    visitor = signed_in(first)
    look, _ = settled(visitor, send(visitor, shop, rows(*(f"line,U{number},,10,,," for number in range(ROWS)))))

    def granted() -> int:
        return sum(each.grants for each in imports.every(shop.installation, shop.bot_id))

    with ThreadPoolExecutor(1) as pool:
        confirmed = pool.submit(visitor.fill_in, look, step="confirm")
        until(lambda: granted() > 0)
        first.signal(signal.SIGTERM)
        path = confirmed.result().headers["location"]
    assert first.ended() == 0
    assert not any("Traceback" in line for line in first.log)
    assert 0 < granted() < ROWS
    second = signed_in(start())
    assert "Continue" in second.page(path)
    settled(second, second.fill_in(path))
    [known] = imports.every(shop.installation, shop.bot_id)
    assert (imports.state(known), known.grants, known.points, known.clients_made) == ("done", ROWS, ROWS * 10, ROWS)
    assert list(verify.verify(shop.installation, shop.bot_id, lambda _: None)) == []
