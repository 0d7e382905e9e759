"""What is not counted as it happens, but looked at: the process, its connections to the database, its limiter.

A process that counts alone looks when it is asked. One of several looks every second, for another may be asked.
"""

from __future__ import annotations

import threading

from prometheus_client.process_collector import ProcessCollector

from remora.storage.database import Database
from remora.web import families
from remora.web.metrics import Metrics
from remora.web.rate_limit import Limiter

EVERY_SECONDS = 1.0


class Figures:
    """Looks, and puts what it sees into the tally."""

    def __init__(self, metrics: Metrics, database: Database, limiter: Limiter | None = None) -> None:
        self._metrics = metrics
        self._database = database
        self._limiter = limiter
        self._process = ProcessCollector(registry=None)
        self._seen: dict[str, float] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self.look()
        if metrics.tally.shared:
            self._thread = threading.Thread(target=self._look_on, name="remora-figures")
            self._thread.start()

    def look(self) -> None:
        """Look at everything now."""
        with self._lock:
            self._look_at_process()
            self._look_at_pool()
            if self._limiter is not None:
                self._add(families.LIMITER_AWAY, self._limiter.failures)

    def close(self) -> None:
        """Look no more."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def _look_on(self) -> None:
        while not self._closing.wait(EVERY_SECONDS):
            self.look()

    def _look_at_process(self) -> None:
        """Nothing to see where there is no /proc."""
        for metric in self._process.collect():
            for sample in metric.samples:
                self._set(families.PROCESS[sample.name], sample.value)

    def _look_at_pool(self) -> None:
        pool = self._database.pool_state()
        if pool is None:
            return
        self._set(families.POOL_MAX, pool.most)
        self._set(families.POOL_SIZE, pool.size)
        self._set(families.POOL_AVAILABLE, pool.available)
        self._set(families.POOL_WAITING, pool.waiting)
        self._add(families.POOL_TIMEOUTS, pool.timeouts)
        self._add(families.POOL_WAIT_SECONDS, pool.waited_seconds)

    def _set(self, family: families.Family, value: float) -> None:
        self._metrics.cells(family)[0] = value

    def _add(self, family: families.Family, total: float) -> None:
        """Add by how much a total that something else keeps has grown: others add to the same, and so did a process
        that this one comes after.
        """
        self._metrics.cells(family)[0] += total - self._seen.get(family.name, 0)
        self._seen[family.name] = total
