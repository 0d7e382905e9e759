"""How workers that share a listener take its connections. Here each is an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest
import uvloop
from structlog.testing import capture_logs

from remora.web import door
from remora.web.door import IN_TOGETHER, Door
from tests.eventually import SECONDS, until


class Greeter(asyncio.Protocol):
    """Says its name to whoever comes in, and keeps the connection."""

    def __init__(self, name: bytes, kept: list[asyncio.Transport]) -> None:
        self._name = name
        self._kept = kept

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._kept.append(transport)
        transport.write(self._name)


class Worker:
    """A loop that runs until the end of the test, and its door."""

    def __init__(self, listener: socket.socket, name: bytes) -> None:
        self.loop = asyncio.new_event_loop()
        self.kept: list[asyncio.Transport] = []
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self.door = Door(self.loop, listener, lambda: Greeter(name, self.kept))

    def close(self) -> None:
        self.door.close()
        asyncio.run_coroutine_threadsafe(self.door.wait_closed(), self.loop).result(SECONDS)

    def end(self) -> None:
        self.close()
        self.loop.call_soon_threadsafe(self._end)
        self._thread.join()
        self.loop.close()

    def _end(self) -> None:
        for each in self.kept:
            each.abort()
        self.loop.call_soon(self.loop.stop)


class House:
    """A listener, workers called A and B, and connections that are kept."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

    def worker(self, name: bytes) -> Worker:
        made = Worker(self.listener, name)
        self._stack.callback(made.end)
        return made

    def visitor(self) -> socket.socket:
        return self._stack.enter_context(socket.create_connection(self.listener.getsockname(), SECONDS))


@pytest.fixture
def house() -> Iterator[House]:
    with ExitStack() as stack:
        yield House(stack)


def greeted(visitor: socket.socket) -> bytes:
    return visitor.recv(1)


def test_a_busy_worker_takes_few_and_leaves_the_others_to_those_who_are_not(house: House) -> None:
    busy, _ = house.worker(b"A"), house.worker(b"B")
    go_on = threading.Event()
    busy.loop.call_soon_threadsafe(go_on.wait)
    visitors = [house.visitor() for _ in range(40)]
    heard: dict[socket.socket, bytes] = {}
    for each in visitors:
        each.settimeout(0)

    def hear() -> int:
        for each in visitors:
            try:
                heard.setdefault(each, each.recv(1))
            except BlockingIOError:
                continue
        return len(heard)

    until(lambda: hear() >= len(visitors) - IN_TOGETHER)
    assert set(heard.values()) == {b"B"}
    go_on.set()
    until(lambda: hear() == len(visitors))


def test_who_comes_after_a_door_was_closed_goes_to_the_others(house: House) -> None:
    leaving, _ = house.worker(b"A"), house.worker(b"B")
    kept = [house.visitor() for _ in range(10)]
    leaving.close()
    assert {greeted(house.visitor()) for _ in range(10)} == {b"B"}
    assert all(greeted(each) in b"AB" for each in kept)


def test_small_answers_are_not_kept_back_in_the_loop_that_serves(house: House) -> None:
    async def looked_at() -> object:
        made: asyncio.Future[asyncio.BaseTransport] = asyncio.get_running_loop().create_future()

        class First(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                made.set_result(transport)

        taken = Door(asyncio.get_running_loop(), house.listener, First)
        house.visitor()
        transport = await asyncio.wait_for(made, SECONDS)
        nodelay = transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        transport.close()
        taken.close()
        await taken.wait_closed()
        return nodelay

    assert uvloop.run(looked_at())


def test_without_a_descriptor_for_one_more_it_says_so_and_tries_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(socket.socket):
        """The system has no descriptor left, the first time."""

        full = True

        def accept(self) -> tuple[socket.socket, object]:
            if self.full:
                self.full = False
                raise OSError(errno.EMFILE, "too many open files")
            return super().accept()

    monkeypatch.setattr(door, "FULL_SECONDS", 0)
    with capture_logs() as told, closing(Full(fileno=house.listener.detach())) as listener:
        listener.settimeout(None)
        house.listener = listener
        worker = house.worker(b"A")
        assert greeted(house.visitor()) == b"A"
        worker.close()
    assert told == [{"event": "connection not taken", "log_level": "error", "reason": "too many open files"}]
