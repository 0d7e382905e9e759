"""The limiter of processes that serve together: each leases permits, a block at a time, from a lessor that all ask.

docs/decisions/0013 says how large a block is, what it costs, and what becomes of it when the lessor is away.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping

from remora.settings import Rate
from remora.web.lessor import Away, Lease, Lessor
from remora.web.local_limiter import LocalLimiter
from remora.web.outage import Outage
from remora.web.rate_limit import Quota
from remora.web.window import Window, Windows


class SharedLimiter:
    """Gives out permits that it has leased: all processes together never more than the limit in a window.

    While the lessor is away, what was leased is used up; after that each process counts alone.
    """

    def __init__(
        self, lessor: Lessor, rates: Mapping[str, Rate], seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self.alone = 0
        self._windows = {policy: Windows(policy, rate) for policy, rate in rates.items()}
        self._seconds = seconds
        self._lessor = lessor
        self._outage = Outage(str(lessor))
        self._own_count = LocalLimiter(rates, seconds)
        self._lock = threading.Lock()
        self._asking: dict[tuple[str, str], asyncio.Event] = {}

    @property
    def failures(self) -> int:
        return self._outage.failures

    def needs_ask(self, policy: str, key: str) -> bool:
        with self._lock:
            now = self._seconds()
            return not _tells(self._windows[policy].find(key, now)) and self._outage.is_time_to_try(now)

    async def ready(self, policy: str, key: str) -> None:
        asks = self.needs_ask(policy, key)
        while asks:
            under_way = self._asking.get((policy, key))
            if under_way is None:
                await self._ask_for_all(policy, key)
            else:
                await under_way.wait()
            # Again, if others have taken meanwhile what was asked for; not if its window is over already.
            asks = not self._has_answer(policy, key) and self.needs_ask(policy, key)

    async def _ask_for_all(self, policy: str, key: str) -> None:
        """Ask in a thread; whoever wants the same meanwhile waits for this."""
        answered = self._asking[policy, key] = asyncio.Event()
        try:
            await asyncio.to_thread(self.ask, policy, key)
        finally:
            del self._asking[policy, key]
            answered.set()

    def ask(self, policy: str, key: str) -> None:
        """Lease a block of permits, if any is needed. Waits for the lessor; never raises."""
        windows = self._windows[policy]
        with self._lock:
            asked = self._seconds()
            window = windows.find(key, asked)
            if _tells(window) or not self._outage.is_time_to_try(asked):
                return
            self._outage.trying(asked)
            used = 0 if window is None else window.used
        try:
            lease = self._lessor.lease(policy, key, windows.amount, windows.seconds, used)
        except Away as away:
            with self._lock:
                self._outage.failed(str(away), self._seconds())
        else:
            with self._lock:
                self._outage.ended()
                self._add(windows, key, lease, asked)

    def take(self, policy: str, key: str) -> tuple[Quota, bool]:
        windows = self._windows[policy]
        with self._lock:
            now = self._seconds()
            # Whoever is here was let in by `ready` before its window ended, so its permits hold even if it has since.
            window = windows.find(key, now) if self._outage.goes_on else windows.last(key)
            if window is not None and _tells(window):
                within = window.take()
                return windows.quota(window, now), within
            if self._outage.goes_on:
                self.alone += 1
                return self._own_count.take(policy, key)
            return windows.quota(window, now), False

    def look(self, policy: str, key: str) -> Quota:
        windows = self._windows[policy]
        with self._lock:
            now = self._seconds()
            window = windows.find(key, now)
            if self._outage.goes_on and not _tells(window):
                return self._own_count.look(policy, key)
            return windows.quota(window, now)

    def close(self) -> None:
        self._lessor.close()

    def _has_answer(self, policy: str, key: str) -> bool:
        with self._lock:
            return _tells(self._windows[policy].last(key))

    def _add(self, windows: Windows, key: str, lease: Lease, asked: float) -> None:
        # Counted from when it was asked for, so that a lease ends here no later than its window does there.
        ends, now = asked + lease.seconds, self._seconds()
        window = windows.find(key, now)
        if window is None:
            windows.open(key, Window(ends, lease.permits, lease.left), now)
        else:
            window.ends = ends
            window.permits += lease.permits
            window.elsewhere = lease.left


def _tells(window: Window | None) -> bool:
    """Whether a window is enough to decide a request: it has a permit, or nobody has one to lease."""
    return window is not None and (window.permits > 0 or window.elsewhere == 0)
