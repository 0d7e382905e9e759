"""The store as requests meet it: what waits together goes together, and nobody waits for ever.

An embedded store is read right here: it answers in microseconds. Of one that is far away look-ups are asked right here
too, those that wait at the same time on one way there and back; whatever else is read there is read in threads.
"""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from remora.engine import Engine, Queue, Watch
from remora.service import desk, lookup
from remora.service.desk import Result
from remora.service.installation import Installation
from remora.service.lookup import Answer, Question
from remora.service.orders import Job
from remora.settings import Settings
from remora.storage.database import Transaction
from remora.web.link import Link
from remora.web.mailbox import Mailbox, too_slow
from remora.web.metrics import Metrics
from remora.web.reader import Reader
from remora.web.tracing import Tracing
from remora.web.turn import Turn

Value = TypeVar("Value")

ORDERS_TOGETHER = 1_000
"""At most so many orders are carried out in one transaction, so that none waits long for those before it."""

ORDERS_BESIDE_LOOKUPS = 12
"""So many in an embedded store, as long as there are look-ups too: each of its commits leaves the interpreter to them,
and its orders come back to the loop a few at a time.
"""

GATHERED = 20
"""Whoever asks an embedded store for more ids than so many gains nothing by asking together with others."""

LOOKED_UP_FOR_EACH = 10
"""For each order that may wait so many ids may: they are looked up that much quicker."""

WAITS = 3
"""A request waits so many times as long for its answer as one wait for the database may last."""


class Store:
    """The ways in which a request reads and writes."""

    def __init__(
        self,
        installation: Installation,
        settings: Settings,
        metrics: Metrics,
        tracing: Tracing | None = None,
        writer: Path | None = None,
    ) -> None:
        """`writer`: where the writer listens, if that is a process of its own."""
        self.installation = installation
        self._metrics = metrics
        self._tracing = tracing
        self._patience_seconds = WAITS * settings.database_timeout_seconds
        self._looked_up = False
        """Whether an embedded store was asked for points since the writer last took orders."""
        self.writer: Queue[Job, Result] = (
            self._engine_of_orders(settings) if writer is None else Link(writer, self._patience_seconds)
        )
        self._mailbox = Mailbox(self.writer, self._patience_seconds)
        self._turn: Turn[Question, Answer] = Turn(partial(lookup.answer, installation))
        # As many as there are connections for, beside the reader's and the writer's.
        self._threads = ThreadPoolExecutor(max(1, settings.pool_size - 2), "remora-store")
        self._reader: Reader | None = None
        self._new_reader: Callable[[AbstractEventLoop], Reader] | None = None
        if not installation.database.embedded:
            most_waiting = settings.queue_limit * LOOKED_UP_FOR_EACH
            self._new_reader = partial(
                Reader,
                installation=installation,
                threads=self._threads,
                timeout_seconds=settings.database_timeout_seconds,
                patience_seconds=self._patience_seconds,
                most_waiting=most_waiting,
                watches=self._watches("reader", most_waiting),
            )

    async def look_up(self, bot_id: str, question: Question) -> Answer:
        """Who asks, and what they ask for."""
        if self._new_reader is not None:
            # Asking which loop it is costs a system call; one that runs is this one.
            if self._reader is None or not self._reader.loop.is_running():
                self._close_reader()
                self._reader = self._new_reader(asyncio.get_running_loop())
            return await self._reader.answer_of(bot_id, question, self._sender())
        if (ids := len(question)) > 1:  # else it is only about who asks
            self._looked_up = True
            if ids > GATHERED or self.hurries():
                [answer] = lookup.answer(self.installation, bot_id, [question])
                return answer
        return await self._turn.answer_of(bot_id, question)

    def hurries(self) -> bool:
        """Whether a look-up does not wait for the end of the loop's turn: where orders wait, for these make turns long,
        and whoever waits for the end of one waits for another to begin. A store that is far away is waited for longer.
        """
        return self.installation.database.embedded and not self._mailbox.is_empty()

    async def read(self, verb: Callable[[Transaction], Value]) -> Value:
        """Do what only reads, in a transaction of its own."""
        if self.installation.database.embedded:
            return self._read(verb)
        return await self.run(partial(self._read, verb))

    async def run(self, verb: Callable[[], Value]) -> Value:
        """Do what waits for the disk or the network, in a thread."""
        return await self._waited(self._threads.submit(verb))

    async def write(self, bot_id: str, job: Job) -> Result:
        """Queue a job, and wait until it is decided and on disk."""
        return await self._mailbox.answer_of(bot_id, job, self._sender())

    def close(self) -> None:
        """Finish what was accepted."""
        self._close_reader()
        self.writer.close()
        self._threads.shutdown()

    def _engine_of_orders(self, settings: Settings) -> Engine[Job, Result]:
        return Engine(
            "writer",
            partial(desk.carry_out, self.installation, written=self._metrics.moved),
            weigh=lambda job: len(job.orders),
            most_waiting=settings.queue_limit,
            most_together=self._orders_together,
            watches=self._watches("writer", settings.queue_limit),
        )

    def _orders_together(self) -> int:
        """In the writer's thread: how many orders are carried out in the next transaction."""
        looked_up, self._looked_up = self._looked_up, False
        return ORDERS_BESIDE_LOOKUPS if looked_up else ORDERS_TOGETHER

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()

    def _watches(self, engine: str, limit: int) -> Sequence[Watch]:
        metrics = self._metrics.engine(engine, limit)
        return (metrics,) if self._tracing is None else (metrics, self._tracing.batches(engine))

    def _sender(self) -> str | None:
        return None if self._tracing is None else self._tracing.current()

    def _read(self, verb: Callable[[Transaction], Value]) -> Value:
        with self.installation.database.read() as tx:
            return verb(tx)

    async def _waited(self, future: Future[Value]) -> Value:
        """Wait for a thread, for a bounded time."""
        try:
            # Shielded: what was accepted is carried out, though the one who waits for it be told to stop.
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(future)), self._patience_seconds)
        except TimeoutError:
            raise too_slow(begun=not future.cancel()) from None
