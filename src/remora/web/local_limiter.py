"""The limiter of a process that serves alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from remora.settings import Rate
from remora.web.rate_limit import Quota
from remora.web.window import Window, Windows


class LocalLimiter:
    """Counts in this process's memory; there is nobody to ask."""

    failures = 0
    alone = 0

    def __init__(self, rates: Mapping[str, Rate], seconds: Callable[[], float] = time.monotonic) -> None:
        self._windows = {policy: Windows(policy, rate) for policy, rate in rates.items()}
        self._seconds = seconds
        self._lock = threading.Lock()

    def needs_ask(self, policy: str, key: str) -> bool:  # noqa: ARG002 (the same for all)
        return False

    async def ready(self, policy: str, key: str) -> None: ...

    def take(self, policy: str, key: str) -> tuple[Quota, bool]:
        windows = self._windows[policy]
        with self._lock:
            now = self._seconds()
            window = windows.find(key, now) or windows.open(key, Window(now + windows.seconds, windows.amount), now)
            within = window.take()
            return windows.quota(window, now), within

    def look(self, policy: str, key: str) -> Quota:
        windows = self._windows[policy]
        with self._lock:
            now = self._seconds()
            return windows.quota(windows.find(key, now), now)

    def close(self) -> None: ...
