"""What grows with the number of clients, and must not: look-ups, memory, the start."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from bench import call, script, wrk
from bench.ground import Ground
from bench.row import Pair, Row, at_least, at_most
from bench.served import ANSWERS
from bench.shop import Shop


def lookups(count: int) -> Callable[[Ground], AbstractContextManager[Pair]]:
    """Look-ups of `count` random clients of many, and of few."""

    @contextmanager
    def measure(ground: Ground) -> Iterator[Pair]:
        many, few = ground.large_shop, ground.sqlite_shop
        with ground.remora(many) as large, ground.remora(few) as small:
            for server, shop in ((large, many), (small, few)):
                call.check(server, shop, count)
            yield Pair(call.lookups(ground, large, many, count), call.lookups(ground, small, few, count))

    return measure


@contextmanager
def memory(ground: Ground) -> Iterator[Pair]:
    """The server's memory, looked at twice."""
    shop, scale = ground.large_shop, ground.scale
    paths = [script.lookups(ground.folder, shop, count) for count in (1, 100)]
    with ground.remora(shop) as remora:

        def after(seconds: int) -> float:
            for path in paths:
                wrk.drive(call.url(remora, shop), path, call.CONNECTIONS, seconds // len(paths))
            return remora.megabytes

        yield Pair(lambda: after(scale.hour), lambda: after(scale.first_minute))


@contextmanager
def start(ground: Ground) -> Iterator[Pair]:
    """Seconds from the command to the first answer."""
    many, few = ground.large_shop, ground.sqlite_shop

    def seconds(shop: Shop) -> float:
        begun = time.perf_counter()
        with ground.remora(shop, ready=ANSWERS) as remora:
            call.check(remora, shop, 1)
            return time.perf_counter() - begun

    yield Pair(lambda: seconds(many), lambda: seconds(few))


ROWS = (
    *(
        Row(
            f"large-{count}",
            f"look-up of {count} id{'s' if count > 1 else ''} at 5,000,000 clients, SQLite",
            "look-up at 50,000 clients",
            "requests/s",
            at_least(0.8),
            "wrk, 16 connections, random ids of all; two servers, of which one at a time is asked. The large file "
            "(2.2 GB) was read through before, so that the system has what it can of it in memory.",
            lookups(count),
        )
        for count in (1, 100)
    ),
    Row(
        "memory",
        "memory of the server after an hour's worth of requests, 5,000,000 clients, SQLite",
        "after the first minute",
        "MB",
        at_most(1.1),
        "Resident set, added up over all processes, so that what they share counts for each. An hour's worth is what "
        "it answers in three minutes at full speed, half of the time look-ups of 1 random id and half of 100, as in "
        "the first minute. One run: each would begin with its own first minute.",
        memory,
        rounds=1,
    ),
    Row(
        "start",
        "start to first answer, 5,000,000 clients, SQLite",
        "start to first answer, 50,000 clients",
        "s",
        at_most(1.2),
        "From the command to the first look-up's answer, of whichever worker answers first. Wanted is that no work "
        "grows with the data; a fifth is allowed for noise.",
        start,
    ),
)
