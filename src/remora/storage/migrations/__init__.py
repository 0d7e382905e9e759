"""Numbered changes of the schema, one folder a dialect, and their runner. Never applied silently."""

from __future__ import annotations

import hashlib
from importlib.resources import files

from msgspec import Struct

from remora.errors import SchemaOutOfDate
from remora.storage.database import Database, Transaction

COMMAND = "remora migrate"


class Migration(Struct, frozen=True):
    """One step; `digest` (SHA-256) notices a file that was changed after it was applied."""

    number: int
    name: str
    text: str

    @property
    def label(self) -> str:
        return f"{self.number:04d}_{self.name}"

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def shipped(dialect: str) -> list[Migration]:
    """The migrations of this version, in order."""
    folder = files("remora.storage.migrations").joinpath(dialect)
    found = []
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        number, _, name = file.name.removesuffix(".sql").partition("_")
        found.append(Migration(int(number), name, file.read_text(encoding="utf-8")))
    return found


def verify(database: Database) -> None:
    """Raise SchemaOutOfDate unless the database has exactly the migrations of this version."""
    missing = pending(database)
    if missing:
        names = ", ".join(step.label for step in missing)
        raise SchemaOutOfDate(f"the database lacks {names}; run: {COMMAND}")


def pending(database: Database) -> list[Migration]:
    """The migrations still to apply. Raises SchemaOutOfDate if what was applied is not what we ship."""
    with database.read() as tx:
        return _pending(tx, database.dialect)


def apply(database: Database, now: int) -> list[Migration]:
    """Apply what is pending, each in a transaction of its own, and return it."""
    applied: list[Migration] = []
    while step := _apply_next(database, now):
        applied.append(step)
    return applied


def _apply_next(database: Database, now: int) -> Migration | None:
    with database.write() as tx:
        tx.all("migrations_alone")
        for step in _pending(tx, database.dialect):
            tx.script(step.text)
            tx.run("migration_record", number=step.number, name=step.name, digest=step.digest, applied_at=now)
            return step
    return None


def _pending(tx: Transaction, dialect: str) -> list[Migration]:
    applied: dict[int, str] = dict(tx.all("migrations_applied")) if tx.one("migration_table") else {}
    steps = {step.number: step for step in shipped(dialect)}
    for number, digest in applied.items():
        if number not in steps:
            raise SchemaOutOfDate(f"the database has migration {number:04d}, which this version does not know")
        if steps[number].digest != digest:
            raise SchemaOutOfDate(f"migration {number:04d} was applied with another text than this version's")
    return [step for number, step in steps.items() if number not in applied]
