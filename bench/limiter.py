"""What a rate limit costs a request: counted in memory, leased from Redis or from a file, and asked of Redis each time.

A round is one window of one bot, with as many requests as its limit allows, so that the small leases at a window's
end are in it. Rounds alternate. A look-up's time is what the server takes for one id, in the same run.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from pathlib import Path

import uvloop
from tests.servers.redis import RedisServer

from bench import call, script, shop, wrk
from bench.call import CONNECTIONS
from bench.scale import FULL
from bench.served import REMORA, served
from remora.settings import Secret
from remora.settings import rate as parse_rate
from remora.web import rate_limit
from remora.web.file_lessor import FileLessor
from remora.web.local_limiter import LocalLimiter
from remora.web.rate_limit import Limiter
from remora.web.redis_lessor import RedisLessor
from remora.web.shared_limiter import SharedLimiter

LIMITS = (600, 6_000, 60_000)
HOUR = 3600

Request = Callable[[str], Awaitable[None]]


def main() -> None:
    """Measure look-ups and limiters in turn, print the table."""
    lookups: list[float] = []
    figures: dict[tuple[int, str], list[float]] = {}
    with (
        tempfile.TemporaryDirectory() as name,
        RedisServer() as redis,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop,
    ):
        folder = Path(name)
        filled = shop.fill(f"sqlite:///{folder}/bench.db", FULL.clients)
        with served(REMORA, folder / "remora.log", filled.environment) as remora:
            url = Secret(redis.url)
            lua = script.lookups(folder, filled, 1)
            kinds = {
                (amount, what): request
                for amount in LIMITS
                for what, request in limiters(url, folder / "limits", amount)
            }
            for request in kinds.values():
                loop.run(window(request, "a window to connect in", min(LIMITS)))
            for number in range(FULL.rounds):
                told = wrk.drive(call.url(remora, filled), lua, CONNECTIONS, FULL.seconds)
                lookups.append(1e6 / told.rate)
                for (amount, what), request in kinds.items():
                    spent = loop.run(window(request, f"bot{number}", amount))
                    figures.setdefault((amount, what), []).append(spent)
    lookup = statistics.median(lookups)
    print(
        f"{CONNECTIONS} requests at a time, medians of {FULL.rounds} rounds; a look-up takes "
        f"the server {lookup:.0f} µs\n"
    )
    print("requests a window | limiter            | µs a request | of a look-up")
    for (amount, what), rounds in figures.items():
        median = statistics.median(rounds)
        print(f"{amount:>17,} | {what:<18} | {median:>12.1f} | {median / lookup:>12.1%}")


def limiters(url: Secret, path: Path, amount: int) -> Iterator[tuple[str, Request]]:
    """What to compare, each as what a request does."""
    rates = {rate_limit.BOT: parse_rate(f"{amount}/hour")}

    def of(limiter: Limiter) -> Request:
        async def request(bot: str) -> None:
            await limiter.ready(rate_limit.BOT, bot)
            _, within = limiter.take(rate_limit.BOT, bot)
            assert within

        return request

    lessor = RedisLessor(url)

    async def each_time(bot: str) -> None:
        await asyncio.to_thread(lessor.lease, "each-time", bot, amount, HOUR, 0)

    yield "in memory", of(LocalLimiter(rates))
    yield "leased from Redis", of(SharedLimiter(RedisLessor(url), rates))
    yield "leased from a file", of(SharedLimiter(FileLessor(path), rates))
    yield "Redis each time", each_time


async def window(request: Request, bot: str, amount: int) -> float:
    """Microseconds for each of `amount` requests, as many at a time as the look-ups."""
    numbers = count()

    async def caller() -> None:
        while next(numbers) < amount:
            await request(bot)
            await asyncio.sleep(0)  # as the rest of a request would let others run

    started = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(CONNECTIONS)))
    return (time.perf_counter() - started) * 1e6 / amount


if __name__ == "__main__":
    main()
