"""Waiting for what has to come about, for a bounded time."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, wait

SECONDS = 30
"""How long a test waits before it fails."""


def until(holds: Callable[[], bool]) -> None:
    """Look again and again; an event that nobody sets gives the others their turn."""
    nothing: Future[None] = Future()
    last = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < last, "it did not come about"
        wait([nothing], timeout=0.001)
