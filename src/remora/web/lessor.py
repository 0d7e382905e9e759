"""Whom permits of several processes are leased from, and what is leased."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

LEASES = 16
"""No lease is more than a sixteenth of the limit: that much one process may keep from the others without using it."""


class Away(Exception):
    """No answer, or none that is of use; says what kind of failure it was, and no more: what a server writes
    may repeat what it was sent, a password among it.
    """


class Lease(Struct, frozen=True):
    """`permits` to give out within `seconds` from when they were asked for; `left` are there for later leases."""

    permits: int
    left: int
    seconds: float


class Lessor(Protocol):
    """Keeps what has been leased in each window, for all who ask. Safe in threads.

    As text it is the place where it keeps that: without user, password and options.
    """

    def lease(self, policy: str, key: str, amount: int, window_seconds: int, used: int) -> Lease:
        """Permits of the window that is open, or of a new one: so many as `used`, those that the asker has used
        in it, earn; at least one, unless all are leased. Raises Away.
        """
        ...

    def close(self) -> None: ...


def window_name(policy: str, key: str, amount: int, window_seconds: int) -> str:
    """What a key's window is known by. The rate is in it, so that another one counts from the start."""
    return f"remora:limit:{policy}:{amount}/{window_seconds}:{key}"
