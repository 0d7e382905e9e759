"""Processes that share limits, as many as a test wants, and the time, which passes for all of them at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from hashlib import blake2b
from itertools import count
from pathlib import Path

from redis import Redis

from remora.settings import Secret
from remora.settings import rate as parse_rate
from remora.web.file_lessor import FileLessor, _find
from remora.web.lessor import Lessor, window_name
from remora.web.rate_limit import BOT, FAILED_AUTH
from remora.web.redis_lessor import RedisLessor
from remora.web.shared_limiter import SharedLimiter

keys = (f"key{number}" for number in count())


class Seconds:
    """A process's clock, which stands still until it is moved."""

    def __init__(self) -> None:
        self.time = 1_000.0

    def __call__(self) -> float:
        return self.time


class World(ABC):
    """Several processes, what they lease from, and the time."""

    def __init__(self, lessors: Sequence[Lessor], rate: str, seconds: Seconds) -> None:
        rates = {BOT: parse_rate(rate), FAILED_AUTH: parse_rate(rate)}
        self.seconds = seconds
        self.limiters = [SharedLimiter(lessor, rates, seconds) for lessor in lessors]
        self.key = next(keys)

    @property
    def alone(self) -> SharedLimiter:
        [limiter] = self.limiters
        return limiter

    def request(self, process: int = 0) -> bool:
        """Whether a request that comes to this process is within the limit."""
        limiter = self.limiters[process]
        limiter.ask(BOT, self.key)
        # Whatever was answered tells enough, unless no time was left of the window: then there is a new one now.
        if limiter.needs_ask(BOT, self.key):
            limiter.ask(BOT, self.key)
        assert not limiter.needs_ask(BOT, self.key)
        return limiter.take(BOT, self.key)[1]

    def requests(self, number: int, process: int = 0) -> int:
        """How many of so many requests are within the limit."""
        return sum(self.request(process) for _ in range(number))

    def remaining(self, process: int = 0) -> int:
        return self.limiters[process].look(BOT, self.key).remaining

    def pass_time(self, seconds: float) -> None:
        """Move the clocks by so much."""
        self.seconds.time += seconds

    @abstractmethod
    def has_window(self) -> bool:
        """Whether a window of the key is open, as those have it from whom permits are leased."""

    def close(self) -> None:
        for limiter in self.limiters:
            limiter.close()


class RedisWorld(World):
    """Whose processes lease from Redis."""

    def __init__(self, url: str, rate: str, processes: int = 1) -> None:
        self.redis = Redis.from_url(url)
        super().__init__([RedisLessor(Secret(url)) for _ in range(processes)], rate, Seconds())

    def pass_time(self, seconds: float) -> None:
        super().pass_time(seconds)
        for name in self.names():
            left = int(self.redis.pttl(name)) - int(seconds * 1000)
            _ = self.redis.pexpire(name, left) if left > 0 else self.redis.delete(name)

    def has_window(self) -> bool:
        return bool(self.names())

    def names(self) -> list[bytes]:
        return list(self.redis.scan_iter(f"*:{self.key}"))

    def trips(self) -> int:
        """How often Redis was asked for a lease, by anyone, since it started; it knows the script by then."""
        self.alone.ask(FAILED_AUTH, "whoever")
        return int(self.redis.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"])

    def close(self) -> None:
        self.redis.close()
        super().close()


class FileWorld(World):
    """Whose processes lease from files that begin with `path`."""

    def __init__(self, path: Path, rate: str, processes: int = 1) -> None:
        seconds = Seconds()
        self.path = path.with_name(f"{path.name}-{BOT}")
        self._rate = parse_rate(rate)
        super().__init__([FileLessor(path, seconds) for _ in range(processes)], rate, seconds)

    def has_window(self) -> bool:
        name = blake2b(window_name(BOT, self.key, self._rate.amount, self._rate.seconds).encode(), digest_size=16)
        with self.path.open("ab+") as file:
            return _find(file.fileno(), name.digest(), self.seconds()) is not None
