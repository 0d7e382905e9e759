"""The statements that a server has prepared for a connection, and when it is to plan them anew.

After five times the server keeps one plan for all values, made for the tables as they are at that moment, until
statistics are gathered the next time. One that was made for an empty table would read it from end to end for a minute
and more while it grows.
"""

from __future__ import annotations

import time
from collections.abc import Callable

OLD_SECONDS = 1.0
"""All plans of a writer's connection take the server 0.4 ms to make: less than a thousandth of its time."""


class Prepared:
    """One connection's."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """`now` tells seconds."""
        self.now = now
        self._names: set[bytes] = set()
        self._planned_at = now()

    def use(self, name: bytes) -> bool:
        """Note that a statement is used. True if it is for the first time: then it has to be prepared."""
        if name in self._names:
            return False
        self._names.add(name)
        return True

    def renew(self) -> bool:
        """Note that plans are made anew, if they are too old to go on with. True if so: then they have to be."""
        now = self.now()
        if now - self._planned_at < OLD_SECONDS:
            return False
        self._planned_at = now
        return True
