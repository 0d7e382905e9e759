"""Orders leave room for look-ups: on an embedded store, where both want the same interpreter."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.types import Scope
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from remora.ledger.commands import Grant
from remora.service.installation import Installation
from remora.service.lookup import Question, Wanted
from remora.service.orders import Job, Order, Who
from remora.settings import Settings
from remora.web import families
from remora.web.app import Application
from remora.web.metrics import Metrics
from remora.web.packets import KEY, Gathering
from remora.web.store import Store
from remora.web.tally import Tally
from tests.cast import POINT, Shop
from tests.eventually import SECONDS, until
from tests.stores import only
from tests.web.noting import Noting

ORDERS = 40

pytestmark = only("sqlite", why="PostgreSQL is waited for, which leaves the interpreter to look-ups")


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(Tally())


@pytest.fixture
def opened(installation: Installation, settings: Settings, metrics: Metrics) -> Iterator[Store]:
    store = Store(installation, settings, metrics)
    yield store
    store.close()


@contextmanager
def written_to_by_others(installation: Installation) -> Iterator[None]:
    """Nobody else can write until the block ends."""
    begun, over = threading.Event(), threading.Event()

    def hold() -> None:
        with installation.database.write():
            begun.set()
            over.wait(SECONDS)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert begun.wait(SECONDS)
        yield
    finally:
        over.set()
        holder.join()


async def turns() -> None:
    """Let what is begun be queued, and the writer be woken for it."""
    for _ in range(3):
        await asyncio.sleep(0)


async def grants(store: Store, metrics: Metrics, shop: Shop, *, looks_up: bool) -> None:
    """One that waits for the file, and others that wait behind it."""
    client_id = shop.client()
    job = Job((Order(Who(client_id), Grant(1)),))
    depth = metrics.cells(families.QUEUE_DEPTH, "writer")
    with written_to_by_others(store.installation):
        first = asyncio.ensure_future(store.write(shop.bot_id, job))
        await turns()
        until(lambda: not depth[0])
        others = [asyncio.ensure_future(store.write(shop.bot_id, job)) for _ in range(ORDERS)]
        await turns()
        if looks_up:
            answer = await store.look_up(shop.bot_id, Question("", Wanted([client_id])))
            assert len(answer.found.clients) == 1
    await asyncio.gather(first, *others)


def taken(metrics: Metrics) -> list[int]:
    """How many orders each transaction took, as the bound of the bucket that they are in."""
    cells = metrics.cells(families.BATCH_ITEMS, "writer")
    return [bound for bound, count in zip(families.ITEMS, cells, strict=False) for _ in range(int(count))]


def test_orders_that_wait_are_one_transaction(opened: Store, metrics: Metrics, shop: Shop) -> None:
    asyncio.run(grants(opened, metrics, shop, looks_up=False))
    assert taken(metrics) == [1, 50]


def test_after_a_look_up_the_next_transaction_takes_few_of_them(opened: Store, metrics: Metrics, shop: Shop) -> None:
    asyncio.run(grants(opened, metrics, shop, looks_up=True))
    assert taken(metrics) == [1, 20, 50]


def test_a_look_up_does_not_wait_for_a_turn_while_orders_wait(opened: Store, shop: Shop) -> None:
    client_id = shop.client()
    question, job = Question("", Wanted([client_id])), Job((Order(Who(client_id), Grant(1)),))

    async def is_answered_at_once() -> bool:
        asked = asyncio.ensure_future(opened.look_up(shop.bot_id, question))
        await asyncio.sleep(0)
        at_once = asked.done()
        await asked
        return at_once

    async def beside_an_order() -> tuple[bool, bool]:
        alone = await is_answered_at_once()
        with written_to_by_others(opened.installation):
            order = asyncio.ensure_future(opened.write(shop.bot_id, job))
            await turns()
            beside = await is_answered_at_once()
        await order
        return alone, beside

    assert asyncio.run(beside_an_order()) == (False, True)


def request_for(client_id: str, shop: Shop, noting: Noting) -> Scope:
    """A look-up as our server hands it to the application."""
    loop = asyncio.get_running_loop()
    transport = Gathering(noting, loop)
    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": POINT,
        "query_string": f"botId={shop.bot_id}".encode(),
        "headers": [(b"authorization", f"Bearer {shop.token}".encode())],
        "client": ("127.0.0.1", 1),
    }
    log = logging.getLogger()
    cycle = RequestResponseCycle(
        scope=scope,  # type: ignore[arg-type]  # uvicorn's own type of the same
        transport=transport,
        flow=FlowControl(transport),
        logger=log,
        access_logger=log,
        access_log=False,
        default_headers=[],
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=True,
        on_response=lambda: None,
    )
    cycle.body += json.dumps({"secret": shop.secret, "clientIds": [client_id]}).encode()
    cycle.more_body = False
    scope[KEY] = cycle
    return scope


async def unused(*_: object) -> Any:
    raise AssertionError("a request that is whole goes by no messages")


def test_its_answer_does_not_wait_for_the_turns_end_while_orders_wait(
    installation: Installation, settings: Settings, shop: Shop
) -> None:
    client_id = shop.client()
    job = Job((Order(Who(client_id), Grant(1)),))
    application = Application(installation, settings)

    async def is_sent_at_once() -> bool:
        noting = Noting()
        await application(request_for(client_id, shop, noting), unused, unused)
        at_once = bool(noting.writes)
        await turns()
        assert noting.writes[0].startswith(b"HTTP/1.1 200 OK"), noting.writes
        return at_once

    async def beside_an_order() -> tuple[bool, bool]:
        alone = await is_sent_at_once()
        with written_to_by_others(installation):
            order = asyncio.ensure_future(application.services.store.write(shop.bot_id, job))
            await turns()
            beside = await is_sent_at_once()
        await order
        return alone, beside

    try:
        assert asyncio.run(beside_an_order()) == (False, True)
    finally:
        application.close()
