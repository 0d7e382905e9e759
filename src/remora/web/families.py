"""Everything that is counted or measured: name, meaning, labels. docs/reference/metrics.md says the same for people."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Kind(StrEnum):
    """What Prometheus calls the types of metrics."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Family(Struct, frozen=True):
    """Metrics of one name. `bounds` are a histogram's, each the largest value of its bucket.

    With several workers their numbers are added, those of dead ones too; but those `of_worker` are each living worker's
    own, which the label `worker` tells apart.
    """

    kind: Kind
    name: str
    meaning: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    of_worker: bool = False

    @property
    def size(self) -> int:
        """How many numbers one metric of it needs: a histogram one for each bucket, one for what is beyond, the sum."""
        return len(self.bounds) + 2 if self.kind is Kind.HISTOGRAM else 1

    @property
    def all_labels(self) -> tuple[str, ...]:
        return (*self.labels, "worker") if self.of_worker else self.labels


def counter(name: str, meaning: str, *labels: str) -> Family:
    return Family(Kind.COUNTER, name, meaning, labels)


def histogram(name: str, meaning: str, *labels: str, bounds: tuple[float, ...]) -> Family:
    return Family(Kind.HISTOGRAM, name, meaning, labels, bounds)


def gauge(name: str, meaning: str, *labels: str) -> Family:
    return Family(Kind.GAUGE, name, meaning, labels)


def of_worker(kind: Kind, name: str, meaning: str, *labels: str) -> Family:
    return Family(kind, name, meaning, labels, of_worker=True)


SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
ITEMS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)

REQUESTS = counter(
    "remora_requests_total",
    "Requests that were answered, or whose caller hung up.",
    "route",
    "method",
    "status",
    "code",
)
REQUEST_SECONDS = histogram(
    "remora_request_seconds", "From a request's headers to the end of its answer.", "route", bounds=SECONDS
)
LOOKUPS = counter(
    "remora_lookups_total", "Look-ups by how they were answered, as far as their bot is one.", "bot", "status"
)
RATE_LIMITED = counter("remora_rate_limited_total", "Requests that were refused because of a rate limit.", "policy")
LIMITER_AWAY = counter("remora_limiter_away_total", "How often it was in vain to ask for permits of a rate limit.")
POINTS = counter("remora_points_total", "Points that were moved by orders that came over HTTP.", "bot", "kind")
BATCH_ITEMS = histogram("remora_batch_items", "What was carried out in one transaction.", "engine", bounds=ITEMS)
BATCH_SECONDS = histogram("remora_batch_seconds", "A transaction with its commit.", "engine", bounds=SECONDS)
QUEUE_DEPTH = of_worker(Kind.GAUGE, "remora_queue_depth", "What waits to be carried out.", "engine")
QUEUE_LIMIT = of_worker(Kind.GAUGE, "remora_queue_limit", "As much may wait.", "engine")
POOL_MAX = of_worker(Kind.GAUGE, "remora_pool_max", "As many connections to the database may be open.")
POOL_SIZE = of_worker(Kind.GAUGE, "remora_pool_size", "Connections to the database that are open or being opened.")
POOL_AVAILABLE = of_worker(Kind.GAUGE, "remora_pool_available", "Connections that nobody uses.")
POOL_WAITING = of_worker(Kind.GAUGE, "remora_pool_waiting", "Threads that wait for a connection.")
POOL_TIMEOUTS = counter("remora_pool_timeouts_total", "How often no connection came in time.")
POOL_WAIT_SECONDS = counter("remora_pool_wait_seconds_total", "How long threads have waited for connections in all.")
READY = gauge("remora_ready", "1 if the database answers and fits this version, as /readyz tells, else 0.")
BUILD_INFO = gauge("remora_build_info", "Always 1; the label has the version.", "version")

PROCESS = {
    family.name: family
    for family in (
        of_worker(Kind.COUNTER, "process_cpu_seconds_total", "Time on a processor, in user and kernel mode."),
        of_worker(Kind.GAUGE, "process_resident_memory_bytes", "Memory in use."),
        of_worker(Kind.GAUGE, "process_virtual_memory_bytes", "Address space in use."),
        of_worker(Kind.GAUGE, "process_start_time_seconds", "When the process started, since 1970."),
        of_worker(Kind.GAUGE, "process_open_fds", "Open files and sockets."),
        of_worker(Kind.GAUGE, "process_max_fds", "As many files and sockets may be open."),
    )
}

FAMILIES = (
    REQUESTS,
    REQUEST_SECONDS,
    LOOKUPS,
    RATE_LIMITED,
    LIMITER_AWAY,
    POINTS,
    BATCH_ITEMS,
    BATCH_SECONDS,
    QUEUE_DEPTH,
    QUEUE_LIMIT,
    POOL_MAX,
    POOL_SIZE,
    POOL_AVAILABLE,
    POOL_WAITING,
    POOL_TIMEOUTS,
    POOL_WAIT_SECONDS,
    READY,
    BUILD_INFO,
    *PROCESS.values(),
)
