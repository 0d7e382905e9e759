"""Load: client threads that send orders at once, each under a key that is also the reason of its entry."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx

from tests.cast import POINT, Api, Shop

THREADS = 8


@dataclass(frozen=True)
class Order:
    """One grant, spend or hold of a client's points."""

    kind: str
    client_id: str
    points: int
    key: str

    def send(self, api: Api, shop: Shop) -> httpx.Response:
        body = {"secret": shop.secret, "clientId": self.client_id, "points": self.points, "reason": self.key}
        return api.post(f"{POINT}/{self.kind}", shop, body, headers={"idempotency-key": self.key})


@dataclass
class Sent:
    """What came of the orders that were sent: an answer, or a connection that broke or was not had."""

    answers: list[tuple[Order, httpx.Response]] = field(default_factory=list)
    unanswered: list[Order] = field(default_factory=list)


def send(
    api: Api, shop: Shop, orders: Sequence[Order], *, after: int = 0, then: Callable[[], None] | None = None
) -> Sent:
    """Send orders from several threads; the one that has the answer number `after` does `then` before it goes on."""
    waiting, sent, noting = deque(orders), Sent(), threading.Lock()

    def work() -> None:
        while True:
            try:
                order = waiting.popleft()
            except IndexError:
                return
            try:
                response = order.send(api, shop)
            except httpx.TransportError:
                with noting:
                    sent.unanswered.append(order)
                continue
            with noting:
                sent.answers.append((order, response))
                if then is not None and len(sent.answers) == after:
                    then()

    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(work) for _ in range(THREADS)]:
            done.result()
    return sent
