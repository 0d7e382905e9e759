"""A process that asks for permits as fast as it can. A module of its own, so that such a process starts soon."""

from __future__ import annotations

from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

from remora.settings import Secret
from remora.settings import rate as parse_rate
from remora.web.file_lessor import FileLessor
from remora.web.rate_limit import BOT
from remora.web.redis_lessor import RedisLessor
from remora.web.shared_limiter import SharedLimiter


def hammer(place: str, key: str, limit: int, start: Barrier, admitted: Queue[int]) -> None:
    """Make requests, from when all others do, until one is over the limit; put how many were not. `place`: the URL
    of a Redis, or a path.
    """
    lessor = RedisLessor(Secret(place)) if "://" in place else FileLessor(Path(place))
    limiter = SharedLimiter(lessor, {BOT: parse_rate(f"{limit}/hour")})
    start.wait(60)
    number = 0
    while _request(limiter, key):
        number += 1
    admitted.put(number)
    limiter.close()


def _request(limiter: SharedLimiter, key: str) -> bool:
    limiter.ask(BOT, key)
    _, within = limiter.take(BOT, key)
    return within
