"""The only source of "now": UTC microseconds since 1970, as an int."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Whatever tells the time; tests bring one that stands still."""

    def now(self) -> int:
        """Return the present instant in UTC microseconds."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        return time.time_ns() // 1000
