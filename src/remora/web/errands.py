"""Errands: long work that a request has begun and does not wait for, one after the other, each lane in its thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from remora.errors import Refusal
from remora.web import observe

LOOKS, CHANGES = "looks", "changes"
"""The lanes: looking at a file need not wait for another to be imported."""

Work = Callable[[Callable[[], bool]], None]
"""Is told by what it is given whether to go on, and asks often."""


class Errands:
    """One for each process."""

    def __init__(self) -> None:
        # The threads start with the first errand: most processes never run one.
        self._lanes = {lane: ThreadPoolExecutor(1, f"remora-{lane}") for lane in (LOOKS, CHANGES)}
        self._stopping = threading.Event()

    def put(self, lane: str, what: str, work: Work) -> Future[None]:
        """Queue an errand; `what` names it in the log, should it fail."""
        return self._lanes[lane].submit(partial(self._run, what, work))

    def close(self) -> None:
        """Begin no more, and wait until the one that is run has come to a place where it can be left."""
        # Those that wait are let go of first, or the next would begin where the one that runs leaves.
        for lane in self._lanes.values():
            lane.shutdown(wait=False, cancel_futures=True)
        self._stopping.set()
        for lane in self._lanes.values():
            lane.shutdown()

    def _run(self, what: str, work: Work) -> None:
        try:
            work(lambda: not self._stopping.is_set())
        except Refusal as refusal:
            # What there was to tell it could not write down either: the database is away.
            observe.log.warning("errand broken off", what=what, reason=refusal.message)
        except Exception as fault:  # noqa: BLE001 (nobody waits for it, so the log is told)
            observe.log.error("errand failed", what=what, exc_info=fault)
