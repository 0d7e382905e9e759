"""What a limiter knows of the time in which it cannot ask: since when to wait, how often it was in vain."""

from __future__ import annotations

import math
import random

from remora.web.observe import log

PAUSE_SECONDS = 1.0
"""How long nobody asks after it was in vain, give or take a half, so that processes do not come all at once."""

QUIET_SECONDS = 60.0


class Outage:
    """Whether there is one, and when to try again. Not safe in threads: its limiter holds a lock."""

    def __init__(self, place: str) -> None:
        self.failures = 0
        self.goes_on = False
        self._place = place
        self._try_at = -math.inf
        self._log_at = -math.inf

    def is_time_to_try(self, now: float) -> bool:
        return now >= self._try_at

    def trying(self, now: float) -> None:
        """Let one try at a time, while it goes on: the others would wait as long, and learn no more."""
        if self.goes_on:
            self._try_at = now + PAUSE_SECONDS * random.uniform(0.5, 1.5)  # noqa: S311 (no secret)

    def failed(self, kind: str, now: float) -> None:
        """Note that nobody answered; say so in the log, once a minute."""
        self.failures += 1
        self.goes_on = True
        self.trying(now)
        if now >= self._log_at:
            self._log_at = now + QUIET_SECONDS
            log.warning("limiter-away", place=self._place, problem=kind, failures=self.failures)

    def ended(self) -> None:
        self.goes_on = False
        self._try_at = -math.inf
