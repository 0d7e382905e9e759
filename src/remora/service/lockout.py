"""The lock-out: so many sign-ins may fail for a name, and from an address, in a window of time.

Each is counted before its password is looked at, and taken back if it goes well: many at once are no more than one
after the other. Names that nobody has are counted alike, so a lock tells nothing of who there is.
"""

from __future__ import annotations

import hashlib
import unicodedata

from remora.errors import SignInLocked
from remora.model import MICROSECONDS_PER_SECOND
from remora.storage import sessions
from remora.storage.database import Transaction

WINDOW_SECONDS = 15 * 60
MOST_FOR_NAME = 10
MOST_FROM_ADDRESS = 50
"""An address may be that of a whole office."""

_WINDOW = WINDOW_SECONDS * MICROSECONDS_PER_SECOND


def count(tx: Transaction, name: str, address: str, now: int) -> None:
    """Count a sign-in. Too many raise SignInLocked, and are counted no further: the lock ends with its window."""
    before = now - _WINDOW
    sessions.clear_counted(tx, before)
    # In one order everywhere, so that two sign-ins never wait for each other.
    for subject, most in sorted([(_name(name), MOST_FOR_NAME), (_address(address), MOST_FROM_ADDRESS)]):
        sessions.count(tx, subject, now, before)
        counted = sessions.counted(tx, subject)
        if counted is not None and counted.failures > most:
            raise _locked(counted.since + _WINDOW - now)


def forgive(tx: Transaction, name: str, address: str) -> None:
    """Forget what failed for a name that has now signed in, and take back what was counted for the address."""
    sessions.forget(tx, _name(name))
    sessions.forgive(tx, _address(address))


def _locked(microseconds: int) -> SignInLocked:
    seconds = max(1, -(-microseconds // MICROSECONDS_PER_SECOND))
    return SignInLocked("too many sign-ins failed for this name or from this address", seconds)


def _name(name: str) -> bytes:
    normal = unicodedata.normalize("NFKC", name)
    return hashlib.sha256(b"name:" + normal.encode("utf-8", "replace")).digest()


def _address(address: str) -> bytes:
    return hashlib.sha256(b"address:" + address.encode("utf-8", "replace")).digest()
