"""Passwords: kept as argon2id with the library's defaults, which follow RFC 9106."""

from __future__ import annotations

import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from remora.errors import InvalidField

LEAST = 12
MOST = 256

_hasher = PasswordHasher()


def check(password: str) -> str:
    """Raise InvalidField unless it is long enough, and not so long that hashing it is work; return it."""
    if not LEAST <= len(password) <= MOST:
        raise InvalidField(f"password must be {LEAST} to {MOST} characters long")
    return password


def hashed(password: str) -> str:
    """The hash to keep. It takes some tens of milliseconds and 64 MiB, on purpose."""
    return _hasher.hash(_normal(password))


def proves(kept: str | None, password: str) -> bool:
    """Whether it is the password. With nothing `kept` it takes as long, and it is not."""
    try:
        right = _hasher.verify(kept or _nobodys(), _normal(password))
    except (VerificationError, InvalidHashError):
        return False
    return right and kept is not None


def is_outdated(kept: str) -> bool:
    """Whether a hash was made with other parameters than one would be made with now."""
    return _hasher.check_needs_rehash(kept)


@cache
def _nobodys() -> str:
    """What an unknown name's password is compared with."""
    return _hasher.hash("the password of nobody")


def _normal(password: str) -> str:
    """One form of what keyboards write in several. What no text can hold is no password."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "replace").decode()
