"""Leases permits from Redis or Valkey: one script, one key, one round trip."""

from __future__ import annotations

import re
from importlib.resources import files
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from remora.settings import Secret
from remora.web.lessor import LEASES, Away, Lease, window_name

TIMEOUT_SECONDS = 0.25
"""To connect, and again to wait for an answer; the URL's `socket_timeout` and `socket_connect_timeout` go before it."""

REASONS = re.compile(r"\b(?:CLUSTERDOWN|MASTERDOWN|MISCONF|MOVED|NOREPLICAS|OOM|READONLY)\b")
"""Of what a server says, the words that tell an operator what to do, and that are no secret."""

RESP = 2
"""The protocol that every version of both servers speaks, with the fewest words to open a connection."""


class RedisLessor:
    """Keeps what has been leased in each window. Connects when first asked; safe in threads."""

    def __init__(self, url: Secret) -> None:
        # Without retries: a connection that the server has closed is noticed before it is used, and whoever
        # cannot be reached now is asked again later, by another request.
        self._client = redis.Redis.from_url(
            url.reveal(),
            protocol=RESP,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._script = self._client.register_script(
            files("remora.web").joinpath("lease.lua").read_text(encoding="utf-8")
        )
        parts = urlsplit(url.reveal())
        self._place = parts.netloc.rpartition("@")[2] + parts.path

    def __str__(self) -> str:
        return self._place

    def lease(self, policy: str, key: str, amount: int, window_seconds: int, used: int) -> Lease:
        name = window_name(policy, key, amount, window_seconds)
        try:
            permits, left, milliseconds = self._script([name], [amount, window_seconds * 1000, used, LEASES])
        except Exception as problem:  # noqa: BLE001 (whatever it is, a limit must not be what stops the service)
            raise Away(_kind(problem)) from None
        return Lease(permits, left, milliseconds / 1000)

    def close(self) -> None:
        self._client.close()


def _kind(problem: BaseException) -> str:
    """The failure in a word: the system's, such as ConnectionRefusedError, if that is what it comes of."""
    inner: BaseException | None = problem
    while inner is not None and not isinstance(inner, OSError):
        inner = inner.__cause__ or inner.__context__
    reason = REASONS.search(str(problem))
    return reason[0] if reason else type(inner or problem).__name__
