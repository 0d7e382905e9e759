"""Orders leave room for look-ups: on an embedded store, where both want the same interpreter."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from remora.ledger.commands import Grant
from remora.service.installation import Installation
from remora.service.lookup import Question, Wanted
from remora.service.orders import Job, Order, Who
from remora.settings import Settings
from remora.web import families
from remora.web.metrics import Metrics
from remora.web.store import Store
from remora.web.tally import Tally
from tests.cast import Shop
from tests.eventually import SECONDS, until
from tests.stores import only

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
