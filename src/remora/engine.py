"""The engine: what waits is taken together, carried out in one transaction for each bot, and answered.

When idle a batch is one order and nobody waits. Under load a commit is shared by all that came meanwhile, and a client
that everyone wants costs one row update per batch instead of a queue for a lock.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field

from remora.errors import Refusal, StoreUnavailable
from remora.service.desk import Result, carry_out
from remora.service.installation import Installation
from remora.service.orders import Job

BATCH_ORDERS = 1_000
"""At most so many orders are carried out in one transaction, so that none waits long for those before it."""


@dataclass
class _Waiting:
    bot_id: str
    job: Job
    answer: Future[Result] = field(default_factory=Future)


class Engine:
    """A bounded queue of jobs, and the one thread that carries them out."""

    def __init__(self, installation: Installation, most_orders: int) -> None:
        self._installation = installation
        self._most_orders = most_orders
        self._waiting: deque[_Waiting] = deque()
        self._orders_waiting = 0
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="remora-engine")
        self._thread.start()

    def submit(self, bot_id: str, job: Job) -> Future[Result]:
        """Queue a job. Its answer comes when it is on disk. StoreUnavailable, at once, if the queue is full
        or closed; the job was not taken then.
        """
        waiting = _Waiting(bot_id, job)
        with self._changed:
            if self._closing:
                raise StoreUnavailable("the server is stopping; nothing was done")
            # A job larger than the whole queue may still come alone.
            if self._waiting and self._orders_waiting + len(job.orders) > self._most_orders:
                raise StoreUnavailable("too many writes are waiting; nothing was done")
            self._waiting.append(waiting)
            self._orders_waiting += len(job.orders)
            self._changed.notify()
        return waiting.answer

    def close(self) -> None:
        """Take no more, carry out what was taken, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while batch := self._take():
            by_bot: dict[str, list[_Waiting]] = {}
            for waiting in batch:
                # From here on it can no longer be cancelled: it is answered, one way or the other.
                if waiting.answer.set_running_or_notify_cancel():
                    by_bot.setdefault(waiting.bot_id, []).append(waiting)
            for bot_id, together in by_bot.items():
                self._carry_out(bot_id, together)

    def _take(self) -> list[_Waiting]:
        """Wait for jobs, and take those that wait, up to a batch; nothing once the queue is closed and empty."""
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            batch: list[_Waiting] = []
            orders = 0
            while self._waiting and (not batch or orders + len(self._waiting[0].job.orders) <= BATCH_ORDERS):
                batch.append(self._waiting.popleft())
                orders += len(batch[-1].job.orders)
            self._orders_waiting -= orders
            return batch

    def _carry_out(self, bot_id: str, together: list[_Waiting]) -> None:
        try:
            results = carry_out(self._installation, bot_id, [waiting.job for waiting in together])
        except Refusal as refusal:
            for waiting in together:
                waiting.answer.set_exception(refusal)
        except Exception as fault:  # noqa: BLE001 (it is handed to whoever waits, and the thread goes on)
            if len(together) == 1:
                together[0].answer.set_exception(fault)
                return
            # Nothing was kept. One job is at fault, and its neighbours are not to suffer for it.
            for waiting in together:
                self._carry_out(bot_id, [waiting])
        else:
            for waiting, result in zip(together, results, strict=True):
                waiting.answer.set_result(result)
