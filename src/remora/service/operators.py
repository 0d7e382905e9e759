"""Operators: the people who use the console, as the shell handles them."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection

from msgspec.structs import replace

from remora.errors import InvalidField, NoSuchOperator, OperatorExists
from remora.model import Operator, Role
from remora.service import access, fields, passwords
from remora.service.installation import Installation
from remora.storage import operators, sessions
from remora.storage.database import Transaction, UniqueViolation
from remora.storage.operators import OperatorRow

MAX_NAME = 64


def add(installation: Installation, name: str, role: Role, bot_ids: Collection[str], password: str) -> Operator:
    """Make an operator. OperatorExists, NoSuchBot and InvalidField refuse."""
    row = OperatorRow(
        name=checked_name(name),
        role=role,
        password_hash=passwords.hashed(passwords.check(password)),
        disabled=False,
        epoch=0,
        created_at=installation.clock.now(),
    )
    try:
        with installation.database.write() as tx:
            operators.add(tx, row)
            _set_bots(tx, row, bot_ids)
            return operators.shown(tx, row)
    except UniqueViolation as taken:
        raise OperatorExists(f"there is an operator {row.name} already") from taken


def every(installation: Installation) -> list[Operator]:
    """All operators, by name."""
    with installation.database.read() as tx:
        return [operators.shown(tx, row) for row in operators.every(tx)]


def update(installation: Installation, name: str, role: Role, bot_ids: Collection[str]) -> Operator:
    """Give an operator another role, or other bots: from their next request on."""
    with installation.database.write() as tx:
        row = replace(_known(tx, name), role=role)
        operators.update(tx, row)
        _set_bots(tx, row, bot_ids)
        return operators.shown(tx, row)


def set_password(installation: Installation, name: str, password: str) -> Operator:
    """Give an operator another password, and sign them out everywhere."""
    fresh = passwords.hashed(passwords.check(password))
    with installation.database.write() as tx:
        return _signed_out(tx, replace(_known(tx, name), password_hash=fresh))


def set_disabled(installation: Installation, name: str, *, disabled: bool) -> Operator:
    """Let an operator sign in no more, or again. A disabled one is signed out everywhere."""
    with installation.database.write() as tx:
        return _signed_out(tx, replace(_known(tx, name), disabled=disabled))


def sign_out(installation: Installation, name: str) -> Operator:
    """Sign an operator out everywhere."""
    with installation.database.write() as tx:
        return _signed_out(tx, _known(tx, name))


def remove(installation: Installation, name: str) -> None:
    """Forget an operator. Their name stays in the journals, so a new one of that name would be taken for them."""
    with installation.database.write() as tx:
        row = _known(tx, name)
        operators.remove(tx, row.name)
        sessions.end_all(tx, row.name)


def checked_name(name: str) -> str:
    """A name in its one form: what looks the same is the same."""
    normal = unicodedata.normalize("NFKC", fields.text("name", name, MAX_NAME))
    if normal != normal.strip():
        raise InvalidField("name must not begin or end with a space")
    return fields.text("name", normal, MAX_NAME)


def find(tx: Transaction, name: str, *, lock: bool = False) -> OperatorRow | None:
    """The operator of a name that somebody typed; None if there is none, or if it cannot be one's name."""
    try:
        return operators.find(tx, checked_name(name), lock=lock)
    except InvalidField:
        return None


def _known(tx: Transaction, name: str) -> OperatorRow:
    row = find(tx, name, lock=True)
    if row is None:
        raise NoSuchOperator(f"there is no operator {name}")
    return row


def _set_bots(tx: Transaction, row: OperatorRow, bot_ids: Collection[str]) -> None:
    if (row.role is Role.ADMIN) == bool(bot_ids):
        raise InvalidField("bots must be named for staff and viewers, and for them only: an admin works for all")
    for bot_id in bot_ids:
        access.known_bot(tx, fields.identifier("bot", bot_id))
    operators.set_bots(tx, row.name, bot_ids)


def _signed_out(tx: Transaction, row: OperatorRow) -> Operator:
    row = replace(row, epoch=row.epoch + 1)
    operators.update(tx, row)
    sessions.end_all(tx, row.name)
    return operators.shown(tx, row)
