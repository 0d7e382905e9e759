"""A worker's link and the writer, joined by a real socket: each gets their own answer, whatever happens on the way."""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import uvloop
from msgspec.structs import replace
from structlog.testing import capture_logs

from remora.errors import StoreUnavailable
from remora.ledger.commands import Grant, Spend
from remora.service.desk import Result
from remora.service.installation import Installation
from remora.service.orders import Job, Order, Outcome, Who
from remora.settings import Settings
from remora.web import tally, wire, writer
from remora.web.link import LOST, Link, WriterFailed
from remora.web.metrics import Metrics
from remora.web.wire import Answer, Frames, Letter
from remora.web.writer import Writer
from tests.backdoor import BackDoor
from tests.cast import Shop
from tests.eventually import SECONDS, until

Told = list[Result | BaseException]
Begin = Callable[..., Writer]


@pytest.fixture
def listener(tmp_path: Path) -> socket.socket:
    """What the supervisor holds. It is left open: a thread of each writer waits for connections for ever."""
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(tmp_path / "writer"))
    made.listen()
    return made


@pytest.fixture
def begin(listener: socket.socket, installation: Installation, settings: Settings) -> Iterator[Begin]:
    """Begin to write; writers are ended after the test."""
    begun: list[Writer] = []

    def begin_one(**changes: Any) -> Writer:
        metrics = Metrics(tally.opened(None))
        begun.append(Writer(installation, replace(settings, **changes), listener, metrics))
        return begun[-1]

    yield begin_one
    for each in begun:
        each.close()


@pytest.fixture
def link(tmp_path: Path) -> Link:
    return Link(tmp_path / "writer", SECONDS)


def run(link: Link, main: Coroutine[Any, Any, Told]) -> Told:
    """In the loop that a worker runs."""

    async def within_bounds() -> Told:
        try:
            return await asyncio.wait_for(main, SECONDS)
        finally:
            link.close()

    return uvloop.run(within_bounds())


async def answers(link: Link, shop: Shop, *jobs: Job) -> Told:
    """What came of jobs that are sent together."""
    replies: list[Future[Result]] = [Future() for _ in jobs]
    for job, reply in zip(jobs, replies, strict=True):
        link.queue(shop.bot_id, job, reply, wake=False)
    link.wake()
    return list(await asyncio.gather(*map(asyncio.wrap_future, replies), return_exceptions=True))


def grant(client_id: str, points: int = 1, key: str | None = None, **more: Any) -> Job:
    return Job((Order(Who(client_id), Grant(points, **more), key),))


def outcome(result: Result | BaseException) -> Outcome:
    assert isinstance(result, list), result
    [only] = result
    return only


def refusal(result: Result | BaseException) -> str:
    assert isinstance(result, StoreUnavailable), result
    return result.message


def keys(back_door: BackDoor) -> set[str]:
    return {key for (key,) in back_door.rows("SELECT key FROM operations")}


def test_everyone_gets_their_own_answer(begin: Begin, link: Link, shop: Shop) -> None:
    begin()
    client_id = shop.client()
    jobs = [grant(client_id, points) for points in range(1, 101)]
    told = run(link, answers(link, shop, *jobs, Job((Order(Who(client_id), Spend(5_051)),))))
    *granted, refused = map(outcome, told)
    assert [each.entry.points for each in granted if each.entry] == list(range(1, 101))
    assert refused.refusal is not None
    assert (refused.refusal.code, refused.refusal.available) == (900006, 5_050)


def test_metadata_of_any_size_of_number_come_back_as_they_were(begin: Begin, link: Link, shop: Shop) -> None:
    begin()
    metadata = {"large": 10**40, "small": -(10**40), "half": 0.5, "deep": [[{"word": "\N{SNOWMAN}"}], None, True]}
    [told] = run(link, answers(link, shop, grant(shop.client(), metadata=metadata)))
    entry = outcome(told).entry
    assert entry is not None
    assert entry.metadata == metadata


def test_letters_and_answers_that_no_socket_holds_at_once_come_whole(begin: Begin, link: Link, shop: Shop) -> None:
    begin()
    client_id = shop.client()
    orders = tuple(Order(Who(client_id), Grant(1, metadata={"text": "x" * 3_000})) for _ in range(100))
    told = run(link, answers(link, shop, *[Job(orders)] * 10))
    found = [each for result in told if isinstance(result, list) for each in result]
    assert [each.available for each in found] == list(range(1, 1_001))
    assert {len(each.entry.metadata["text"]) for each in found if each.entry and each.entry.metadata} == {3_000}


def test_those_whose_connection_is_lost_are_told_so_and_the_next_order_connects_anew(
    begin: Begin, listener: socket.socket, link: Link, shop: Shop
) -> None:
    client_id = shop.client()

    async def both() -> Told:
        asked = asyncio.create_task(answers(link, shop, *[grant(client_id)] * 3))
        connection, _ = await asyncio.to_thread(listener.accept)
        assert await asyncio.to_thread(connection.recv, wire.CHUNK_BYTES)
        connection.close()
        lost = await asked
        begin()
        return [*lost, *await answers(link, shop, grant(client_id))]

    *lost, done = run(link, both())
    assert [refusal(each) for each in lost] == [LOST] * 3
    assert outcome(done).available == 1


def test_where_nobody_listens_nothing_is_sent(tmp_path: Path, shop: Shop) -> None:
    link, job = Link(tmp_path / "nowhere", SECONDS), grant(shop.client())

    async def ask() -> Told:
        with pytest.raises(StoreUnavailable, match="nothing was done"):
            link.queue(shop.bot_id, job, Future())
        return []

    run(link, ask())


def test_what_a_worker_had_sent_before_it_was_gone_is_carried_out_once(
    begin: Begin, link: Link, shop: Shop, back_door: BackDoor
) -> None:
    client_id = shop.client()
    jobs = [grant(client_id, key=f"k{number}") for number in range(20)]

    async def send_and_go() -> Told:
        asked = asyncio.create_task(answers(link, shop, *jobs))
        await asyncio.sleep(0)  # it is sent in this turn of the loop
        link.close()
        return await asked

    with back_door.busy():
        begin()
        assert [refusal(each) for each in run(link, send_and_go())] == [LOST] * 20
    until(lambda: len(keys(back_door)) == 20)
    assert back_door.rows("SELECT seq, available FROM clients") == [(20, 20)]


def test_beyond_a_full_queue_letters_are_refused_at_once_and_those_in_it_are_carried_out(
    begin: Begin, link: Link, shop: Shop
) -> None:
    begin(queue_limit=2)
    client_id = shop.client()
    # All come in one frame, and none is begun before the last is queued.
    told = run(link, answers(link, shop, *[grant(client_id)] * 8))
    assert [outcome(each).available for each in told[:2]] == [1, 2]
    for each in told[2:]:
        assert refusal(each).startswith("too much is waiting")


def test_what_has_waited_too_long_is_not_begun(begin: Begin, tmp_path: Path, shop: Shop, back_door: BackDoor) -> None:
    begin()
    late = Link(tmp_path / "writer", -1)
    [told] = run(late, answers(late, shop, grant(shop.client(), key="late")))
    assert "nothing was done" in refusal(told)
    assert not keys(back_door)


def test_a_fault_in_one_order_is_not_its_neighbours_and_is_logged_once_without_a_secret(
    begin: Begin, link: Link, shop: Shop, back_door: BackDoor
) -> None:
    begin()
    neighbours = [shop.client(platform_client_id=f"U{number}") for number in range(4)]
    broken = shop.client(5, platform_client_id="broken")
    # Its next entry will be numbered like the one it has.
    back_door.run(f"UPDATE clients SET seq = 0 WHERE client_id = '{broken}'")
    jobs = [grant(client_id, key=client_id) for client_id in (*neighbours[:2], broken, *neighbours[2:])]

    async def then_another() -> Told:
        return [*await answers(link, shop, *jobs), *await answers(link, shop, grant(neighbours[0]))]

    with capture_logs() as lines:
        told = run(link, then_another())
    assert isinstance(told.pop(2), WriterFailed)
    assert [outcome(each).available for each in told] == [1, 1, 1, 1, 2]
    [fault] = [line for line in lines if line["event"] == "fault"]
    assert not isinstance(fault["exc_info"], WriterFailed)
    for hidden in (shop.secret, shop.token):
        assert hidden not in repr(lines)
    assert keys(back_door) == set(neighbours)


def test_a_worker_that_takes_no_answers_is_hung_up_on_and_the_others_get_theirs(
    begin: Begin, link: Link, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "SEND_SECONDS", 1)
    begin()
    client_id = shop.client()
    large = Job(tuple(Order(Who(client_id), Grant(1, metadata={"text": "x" * 3_000})) for _ in range(500)))
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.connect(str(tmp_path / "writer"))
        deaf.sendall(wire.frame([Letter(1, shop.bot_id, float("1e12"), large)]))
        # It comes after the large one, and is answered though nobody takes that one's answer.
        until(lambda: outcome(run(link, answers(link, shop, grant(client_id)))[0]).available > 500)
        ended = select.poll()
        ended.register(deaf, 0)  # only that is told; who began to read now would take the answer after all
        assert ended.poll(SECONDS * 1_000)
        frames, found = Frames(), list[Answer]()
        while data := deaf.recv(wire.CHUNK_BYTES):
            found += [answer for content in frames.whole(data) for answer in wire.answers(content)]
    assert found == []
