"""Rate limits: one for each bot, and one for each address that fails to authenticate."""

from __future__ import annotations

import ipaddress
import math
import time

from limits import RateLimitItem
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
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
        policy = f'"{self.policy}";q={self.amount};w={self.window_seconds}'
        state = f'"{self.policy}";r={self.remaining};t={self.reset_seconds}'
        return [(b"ratelimit-policy", policy.encode()), (b"ratelimit", state.encode())]


class Limiter:
    """Counts in fixed windows, each of which starts at the first request in it."""

    failures = 0
    """How often it was in vain to ask elsewhere; here everything is known."""

    def __init__(self, bot_rate: RateLimitItem, failed_auth_rate: RateLimitItem) -> None:
        self._rates = {BOT: bot_rate, FAILED_AUTH: failed_auth_rate}
        self._windows = FixedWindowRateLimiter(MemoryStorage())

    def take(self, policy: str, key: str) -> tuple[Quota, bool]:
        """Count one request; say what is left, and whether it was within the limit."""
        within = self._windows.hit(self._rates[policy], policy, key)
        return self.look(policy, key), within

    def look(self, policy: str, key: str) -> Quota:
        """What is left, without counting."""
        rate = self._rates[policy]
        reset_at, remaining = self._windows.get_window_stats(rate, policy, key)
        # The library reads this clock too, and cannot be given ours.
        reset_seconds = max(0, math.ceil(reset_at - time.time()))
        return Quota(policy, rate.amount, rate.get_expiry(), max(0, remaining), reset_seconds)


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
