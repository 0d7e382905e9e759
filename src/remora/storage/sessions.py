"""Rows of sessions, and of sign-ins that failed. A session is found by the digest of its token, which is not here."""

from __future__ import annotations

from msgspec import Struct

from remora.storage.database import Transaction


class SessionRow(Struct, frozen=True):
    """An operator's session, of the epoch in which they signed in."""

    name: str
    epoch: int
    created_at: int
    seen_at: int


class Counted(Struct, frozen=True):
    """So many sign-ins were counted since an instant."""

    failures: int
    since: int


def find(tx: Transaction, digest: bytes) -> SessionRow | None:
    row = tx.one("session_find", digest=digest)
    return SessionRow(*row) if row else None


def add(tx: Transaction, digest: bytes, name: str, epoch: int, now: int) -> None:
    tx.run("session_add", digest=digest, name=name, epoch=epoch, now=now)


def seen(tx: Transaction, digest: bytes, now: int) -> None:
    tx.run("session_seen", digest=digest, now=now)


def end(tx: Transaction, digest: bytes) -> None:
    tx.run("session_end", digest=digest)


def end_all(tx: Transaction, name: str) -> None:
    tx.run("sessions_end", name=name)


def clear(tx: Transaction, *, began: int, used: int) -> None:
    """Forget sessions that began by `began`, or were last used by `used`."""
    tx.run("sessions_clear", began=began, used=used)


def count(tx: Transaction, subject: bytes, now: int, before: int) -> None:
    """Count a sign-in; what was counted `before` or earlier counts no more."""
    tx.run("sign_in_count", subject=subject, now=now, before=before)


def counted(tx: Transaction, subject: bytes) -> Counted | None:
    row = tx.one("sign_in_counted", subject=subject)
    return Counted(*row) if row else None


def forgive(tx: Transaction, subject: bytes) -> None:
    """Take back one that was counted."""
    tx.run("sign_in_forgive", subject=subject)


def forget(tx: Transaction, subject: bytes) -> None:
    tx.run("sign_in_forget", subject=subject)


def clear_counted(tx: Transaction, before: int) -> None:
    tx.run("sign_in_clear", before=before)
