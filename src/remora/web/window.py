"""Fixed windows of one policy: what this process may still give out in each, and until when."""

from __future__ import annotations

from collections import OrderedDict
from math import ceil

from msgspec import Struct

from remora.settings import Rate
from remora.web.rate_limit import Quota

MOST_WINDOWS = 100_000
"""So many keys of a policy are remembered, about 25 MB; beyond it the oldest window is forgotten."""

KEPT_SECONDS = 10.0
"""How long an ended window is remembered at least, for those that were let in before its end."""


class Window(Struct):
    """One key's window; `ends` is on the process's own clock, in seconds."""

    ends: float
    permits: int
    elsewhere: int = 0
    used: int = 0

    def take(self) -> bool:
        """Use one permit, if there is one."""
        if self.permits == 0:
            return False
        self.permits -= 1
        self.used += 1
        return True


class Windows:
    """The open windows of a policy, by key. Not safe in threads: its limiter holds a lock."""

    def __init__(self, policy: str, rate: Rate) -> None:
        self._policy = policy
        self.amount = rate.amount
        self.seconds = rate.seconds
        self._by_key: OrderedDict[str, Window] = OrderedDict()  # the oldest first; a dict is slow to give up its first

    def __len__(self) -> int:
        return len(self._by_key)

    def find(self, key: str, now: float) -> Window | None:
        """The window that is open at `now`."""
        window = self._by_key.get(key)
        return window if window is not None and now < window.ends else None

    def last(self, key: str) -> Window | None:
        """The key's last window, whether or not it has ended."""
        return self._by_key.get(key)

    def open(self, key: str, window: Window, now: float) -> Window:
        """Put a window in place of the one before."""
        self._by_key[key] = window
        self._by_key.move_to_end(key)
        self._forget(now)
        return window

    def quota(self, window: Window | None, now: float) -> Quota:
        """What is left in a window; without one, all."""
        if window is None:
            return Quota(self._policy, self.amount, self.seconds, self.amount, 0)
        reset_seconds = ceil(window.ends - now)
        if not 0 <= reset_seconds <= self.seconds:
            # No more than the whole, which adding and taking away a large number may make it by a hair.
            reset_seconds = max(0, min(reset_seconds, self.seconds))
        return Quota(self._policy, self.amount, self.seconds, window.permits + window.elsewhere, reset_seconds)

    def _forget(self, now: float) -> None:
        """Drop the oldest windows, as far as they are over or too many: a step or two for each that is opened."""
        while self._by_key:
            oldest = next(iter(self._by_key))
            if len(self._by_key) <= MOST_WINDOWS and now < self._by_key[oldest].ends + KEPT_SECONDS:
                return
            del self._by_key[oldest]
