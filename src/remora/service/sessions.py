"""Sessions: signing in with a name and a password, and what the browser shows afterwards instead of them."""

from __future__ import annotations

import hashlib
import secrets

from msgspec import Struct

from remora.errors import NotSignedIn, SignInRefused
from remora.model import MICROSECONDS_PER_SECOND
from remora.service import lockout, operators, passwords
from remora.service.authority import Authority
from remora.service.installation import Installation
from remora.storage import operators as rows
from remora.storage import sessions
from remora.storage.database import Transaction
from remora.storage.operators import OperatorRow

IDLE_SECONDS = 60 * 60
"""A session that was not used for so long is over."""

LIFE_SECONDS = 12 * 60 * 60
"""So is one that began so long ago, used or not."""

NOTED_SECONDS = 60
"""That a session is used is written down so often, not at each request."""


class SignedIn(Struct, frozen=True):
    """A new session. The token is the browser's to keep: the database has its digest only."""

    token: str
    authority: Authority

    def __repr__(self) -> str:
        return f"SignedIn(authority={self.authority!r})"


def sign_in(installation: Installation, name: str, password: str, address: str) -> SignedIn:
    """Open a session, always a new one. SignInRefused tells nothing of which of the two was wrong, and takes as long
    for a name that nobody has; SignInLocked is told for such a name too.
    """
    known = _counted(installation, name, address)
    # Outside every transaction: it takes its time.
    proven = len(password) <= passwords.MOST and passwords.proves(known.password_hash if known else None, password)
    if known is None or not proven or known.disabled:
        raise SignInRefused("name and password do not belong together")
    fresh = passwords.hashed(password) if passwords.is_outdated(known.password_hash) else None
    token = secrets.token_urlsafe(32)
    with installation.database.write() as tx:
        now = installation.clock.now()
        current = operators.find(tx, name, lock=True)
        if (
            current is None
            or current.disabled
            or (current.epoch, current.password_hash)
            != (
                known.epoch,
                known.password_hash,
            )
        ):
            raise SignInRefused("name and password do not belong together")
        lockout.forgive(tx, name, address)
        if fresh is not None:
            rows.rehash(tx, current, fresh)
        sessions.clear(tx, began=_ago(now, LIFE_SECONDS), used=_ago(now, IDLE_SECONDS))
        sessions.add(tx, _digest(token), current.name, current.epoch, now)
        return SignedIn(token, _authority(tx, current))


def resume(installation: Installation, token: str) -> Authority:
    """Who shows this token, in the role they have now; NotSignedIn if it opens no session, or none any more."""
    digest, now = _digest(token), installation.clock.now()
    with installation.database.read() as tx:
        session = sessions.find(tx, digest)
        operator = rows.find(tx, session.name) if session else None
        if (
            session is None
            or operator is None
            or operator.disabled
            or operator.epoch != session.epoch
            or session.created_at <= _ago(now, LIFE_SECONDS)
            or session.seen_at <= _ago(now, IDLE_SECONDS)
        ):
            raise NotSignedIn("there is no session, or it is over")
        authority = _authority(tx, operator)
    if session.seen_at <= _ago(now, NOTED_SECONDS):
        with installation.database.write() as tx:
            sessions.seen(tx, digest, now)
    return authority


def sign_out(installation: Installation, token: str) -> None:
    """End this one session."""
    with installation.database.write() as tx:
        sessions.end(tx, _digest(token))


def sign_out_everywhere(installation: Installation, authority: Authority) -> None:
    """End every session of the operator who asks for it."""
    operators.sign_out(installation, authority.operator)


def _counted(installation: Installation, name: str, address: str) -> OperatorRow | None:
    """Count the attempt, and find who has the name."""
    with installation.database.write() as tx:
        lockout.count(tx, name, address, installation.clock.now())
        return operators.find(tx, name)


def _authority(tx: Transaction, row: OperatorRow) -> Authority:
    return Authority(row.name, row.role, rows.bots(tx, row.name))


def _digest(token: str) -> bytes:
    """256 random bits need no slow hash."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _ago(now: int, seconds: int) -> int:
    return now - seconds * MICROSECONDS_PER_SECOND
