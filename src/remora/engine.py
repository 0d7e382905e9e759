"""The engine: what waits is taken together, carried out in one transaction for each bot, and answered.

When idle a batch is one item and nobody waits. Under load a commit is shared by all that came meanwhile, and a client
that everyone wants costs one row update per batch instead of a queue for a lock.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from remora.errors import Refusal, StoreUnavailable

Item = TypeVar("Item")
Result = TypeVar("Result")
Item_contra = TypeVar("Item_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)
Told_contra = TypeVar("Told_contra", contravariant=True)

HEAVY = 50
"""An item that weighs so much is begun at once: it would gain little by what comes with it."""

CarryOut = Callable[[str, Sequence[Item]], Sequence[Result]]
"""Carries out one bot's items, all in one transaction, and returns a result for each."""


class Watch(Protocol):
    """Looks on, in whichever thread it happens: what it does takes microseconds, and never fails."""

    def waiting(self, weight: int) -> None:
        """So much waits now. Calls do not overlap."""
        ...

    def done(self, weight: int, seconds: float, senders: Sequence[object]) -> None:
        """A transaction has ended, well or not; whoever sent its items is named as they named themselves."""
        ...


class Reply(Protocol[Told_contra]):
    """Where an answer goes, and how whoever waits for it can take the item back in time: what the engine needs of a
    Future. It is told in the engine's thread, and never fails.
    """

    def set_running_or_notify_cancel(self) -> bool:
        """The item is to be carried out now; False if it was taken back."""
        ...

    def set_result(self, result: Told_contra, /) -> None: ...

    def set_exception(self, exception: BaseException, /) -> None: ...


class Queue(Protocol[Item_contra, Result_co]):
    """What takes items and answers them later: an engine, here or in another process."""

    def queue(
        self, bot_id: str, item: Item_contra, reply: Reply[Result_co], sender: object = None, *, wake: bool = True
    ) -> None:
        """See `Engine`."""
        ...

    def wake(self) -> None: ...

    def close(self) -> None: ...


class _Waiting(Struct, Generic[Item, Result], eq=False):
    bot_id: str
    item: Item
    weight: int
    sender: object
    reply: Reply[Result]


class Engine(Generic[Item, Result]):
    """A bounded queue of items, and the one thread that carries them out."""

    def __init__(
        self,
        name: str,
        carry_out: CarryOut[Item, Result],
        *,
        weigh: Callable[[Item], int],
        most_waiting: int,
        most_together: Callable[[], int],
        watches: Sequence[Watch] = (),
        answered: Callable[[], None] = lambda: None,
    ) -> None:
        """Bounds are in what `weigh` says of items: so much may wait, and so much is taken together, which is asked in
        the engine's thread each time that it takes some. `answered` is called there when all items of a transaction
        have their answers.
        """
        self._carry_out_all = carry_out
        self._weigh = weigh
        self._most_waiting = most_waiting
        self._most_together = most_together
        self._watches = watches
        self._answered = answered
        self._waiting: deque[_Waiting[Item, Result]] = deque()
        self._weight_waiting = 0
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"remora-{name}")
        self._thread.start()

    def submit(self, bot_id: str, item: Item, sender: object = None) -> Future[Result]:
        """Queue an item, whose answer comes to a thread that waits for it."""
        answer: Future[Result] = Future()
        self.queue(bot_id, item, answer, sender)
        return answer

    def queue(self, bot_id: str, item: Item, reply: Reply[Result], sender: object = None, *, wake: bool = True) -> None:
        """Queue an item. It is answered when its transaction has ended. StoreUnavailable, at once, if the queue is
        full or closed; the item was not taken then. Where it is not to `wake` the thread if that is idle, `wake` has
        to follow.
        """
        waiting: _Waiting[Item, Result] = _Waiting(bot_id, item, self._weigh(item), sender, reply)
        with self._changed:
            if self._closing:
                raise StoreUnavailable("the server is stopping; nothing was done")
            # An item larger than the whole queue may still come alone.
            if self._waiting and self._weight_waiting + waiting.weight > self._most_waiting:
                raise StoreUnavailable("too much is waiting for the database; nothing was done")
            self._waiting.append(waiting)
            self._add_weight(waiting.weight)
            if wake or waiting.weight >= HEAVY:
                self._changed.notify()

    def wake(self) -> None:
        """Let the thread, if it is idle, begin with what was queued."""
        with self._changed:
            self._changed.notify()

    def close(self) -> None:
        """Take no more, carry out what was taken, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while batch := self._take():
            by_bot: dict[str, list[_Waiting[Item, Result]]] = {}
            for waiting in batch:
                # From here on it can no longer be cancelled: it is answered, one way or the other.
                if waiting.reply.set_running_or_notify_cancel():
                    by_bot.setdefault(waiting.bot_id, []).append(waiting)
            for bot_id, together in by_bot.items():
                self._carry_out(bot_id, together)
                self._answered()

    def _take(self) -> list[_Waiting[Item, Result]]:
        """Wait for items, and take those that wait, up to a batch; nothing once the queue is closed and empty."""
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            batch: list[_Waiting[Item, Result]] = []
            weight, most = 0, self._most_together()
            while self._waiting and (not batch or weight + self._waiting[0].weight <= most):
                batch.append(self._waiting.popleft())
                weight += batch[-1].weight
            self._add_weight(-weight)
            return batch

    def _add_weight(self, weight: int) -> None:
        self._weight_waiting += weight
        for watch in self._watches:
            watch.waiting(self._weight_waiting)

    def _carry_out(self, bot_id: str, together: list[_Waiting[Item, Result]]) -> None:
        try:
            results = self._watched(bot_id, together)
        except Refusal as refusal:
            for waiting in together:
                waiting.reply.set_exception(refusal)
        except Exception as fault:  # noqa: BLE001 (it is handed to whoever waits, and the thread goes on)
            if len(together) == 1:
                together[0].reply.set_exception(fault)
                return
            # Nothing was kept. One item is at fault, and its neighbours are not to suffer for it.
            for waiting in together:
                self._carry_out(bot_id, [waiting])
        else:
            for waiting, result in zip(together, results, strict=True):
                waiting.reply.set_result(result)

    def _watched(self, bot_id: str, together: list[_Waiting[Item, Result]]) -> Sequence[Result]:
        """Carry them out while those look on who want to."""
        started = time.perf_counter()
        try:
            return self._carry_out_all(bot_id, [waiting.item for waiting in together])
        finally:
            seconds = time.perf_counter() - started
            for watch in self._watches:
                senders = [waiting.sender for waiting in together]
                watch.done(sum(waiting.weight for waiting in together), seconds, senders)
