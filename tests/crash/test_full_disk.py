"""A disk that is full: the limit on the size of a process's files makes its writes fail for real."""

from __future__ import annotations

import resource
import signal
from pathlib import Path

import pytest

from remora.service.installation import Installation
from remora.settings import Settings
from tests.backdoor import BackDoor
from tests.cast import Shop, file_of, refused
from tests.crash import disk
from tests.crash.load import Order, send
from tests.crash.server import Server, Start
from tests.shell import Shell
from tests.stores import only

pytestmark = [
    pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux can set the limits of another process"),
    only("sqlite", why="a process that serves on PostgreSQL writes no file"),
]

FRAME = 24 + 4096
"""What one page takes in SQLite's write-ahead log. A grant writes several."""


def fill_disk(server: Server, settings: Settings, spare: int) -> None:
    """Let the server's files grow by no more than `spare` bytes beyond the present end of the log."""
    size = Path(f"{file_of(settings)}-wal").stat().st_size
    _, most = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size + spare, most))


def make_room(server: Server) -> None:
    _, most = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (most, most))


def balance(server: Server, shop: Shop, client_id: str) -> int:
    response = server.api.look_up(shop, clientIds=[client_id])
    assert response.status_code == 200, response.text
    [answer] = response.json()["points"]
    points: int = answer["points"]
    return points


def test_a_full_disk_refuses_writes_and_keeps_none_of_them_until_there_is_room(
    start: Start, settings: Settings, back_door: BackDoor, shop: Shop, shell: Shell
) -> None:
    client_id, server = shop.client(), start()
    first = Order("grant", client_id, 10, "first")
    answers = [(first, first.send(server.api, shop))]
    # From no room at all to room for a part of what one grant, or some together, has to write.
    for spare in (0, 100, FRAME, 2 * FRAME + 1000):
        orders = [Order("grant", client_id, 1, f"spare-{spare}-{number}") for number in range(6)]
        orders.append(Order("spend", client_id, 1, f"spare-{spare}-spend"))
        before = balance(server, shop, client_id)
        fill_disk(server, settings, spare)
        full = send(server.api, shop, orders)
        assert not full.unanswered
        for _, response in full.answers:
            assert refused(response) == (503, 503)
            assert int(response.headers["retry-after"]) >= 1
        assert balance(server, shop, client_id) == before
        found = disk.read(back_door)
        assert not {order.key for order in orders} & (found.keys.keys() | found.entries.keys())
        make_room(server)
        roomy = send(server.api, shop, orders)
        assert [response.status_code for _, response in roomy.answers] == [200] * len(orders)
        assert not any("idempotent-replayed" in response.headers for _, response in roomy.answers)
        answers += roomy.answers
        assert balance(server, shop, client_id) == before + 5
    found = disk.read(back_door)
    found.assert_whole()
    for order, response in answers:
        found.assert_kept(order, response)
    shell.ok("verify")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_that_ends_on_a_full_disk_comes_back_with_what_it_had(
    start: Start,
    installation: Installation,
    settings: Settings,
    back_door: BackDoor,
    shop: Shop,
    shell: Shell,
    how: signal.Signals,
) -> None:
    client_id, server = shop.client(), start()
    # The server's are to be the last open connections, so that whoever comes after it has to recover.
    installation.close()
    first, second = (Order("grant", client_id, 10, key) for key in ("first", "second"))
    assert first.send(server.api, shop).status_code == 200
    fill_disk(server, settings, FRAME)
    assert second.send(server.api, shop).status_code == 503
    server.signal(how)
    assert server.ended() == (0 if how is signal.SIGTERM else -how)
    server = start()
    assert balance(server, shop, client_id) == 10
    assert second.send(server.api, shop).status_code == 200
    assert balance(server, shop, client_id) == 20
    disk.read(back_door).assert_whole()
    shell.ok("verify")
