"""Rate limits: one for each bot, and one for each address that fails to authenticate."""

from __future__ import annotations

import ipaddress
from functools import cache
from typing import Protocol

from msgspec import Struct

from remora.errors import RateLimited

BOT = "bot"
FAILED_AUTH = "failed-auth"


class Quota(Struct, frozen=True):
    """What is left of a limit: `remaining` of `amount` requests until `reset_seconds` from now."""

    policy: str
    amount: int
    window_seconds: int
    remaining: int
    reset_seconds: int

    def headers(self) -> list[tuple[bytes, bytes]]:
        """As draft-ietf-httpapi-ratelimit-headers writes them."""
        state = f'"{self.policy}";r={self.remaining};t={self.reset_seconds}'
        return [_policy_header(self.policy, self.amount, self.window_seconds), (b"ratelimit", state.encode())]


@cache
def _policy_header(policy: str, amount: int, window_seconds: int) -> tuple[bytes, bytes]:
    return b"ratelimit-policy", f'"{policy}";q={amount};w={window_seconds}'.encode()


class Limiter(Protocol):
    """Counts requests in fixed windows, each of which starts at the first request in it.

    `needs_ask`, `take` and `look` work on the process's own memory, in microseconds, in any thread.
    """

    @property
    def failures(self) -> int:
        """How often it was in vain to ask for permits."""
        ...

    @property
    def alone(self) -> int:
        """How many requests were counted in this process alone because of that."""
        ...

    def needs_ask(self, policy: str, key: str) -> bool:
        """Whether `take` cannot tell without asking first."""
        ...

    async def ready(self, policy: str, key: str) -> None:
        """Wait until `take` can tell. Await nothing between this and `take`: what there is may be taken by others."""
        ...

    def take(self, policy: str, key: str) -> tuple[Quota, bool]:
        """Count one request; say what is left, and whether it was within the limit.

        Where `needs_ask` says so still, nothing is counted and the request is not within the limit.
        """
        ...

    def look(self, policy: str, key: str) -> Quota:
        """What is left, without counting."""
        ...

    def close(self) -> None: ...


def refusal(quota: Quota) -> RateLimited:
    """What a request over the limit is told."""
    what = "requests of this bot" if quota.policy == BOT else "failed authentications from this address"
    return RateLimited(
        f"too many {what}: at most {quota.amount} in {quota.window_seconds} seconds",
        max(1, quota.reset_seconds),
    )


def address_key(host: str) -> str:
    """Whom an address is counted as: an IPv6 subscriber has a /64, so all of it is one."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return host
