"""One installation: its database, its clock, and the two values that belong to all of it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from hashids import Hashids

from remora import ids
from remora.clock import Clock
from remora.errors import MoveUnfinished, NotDistributable
from remora.settings import Secret, Settings, SqliteUrl
from remora.storage import installation as values
from remora.storage import migrations
from remora.storage.database import Database
from remora.storage.stores import create, open_database

MOVING = "moving"
"""The value that marks a database as a copy that is not whole yet."""


@dataclass(frozen=True)
class Installation:
    """What every verb needs. `encoder` makes encoded ids with the installation's own salt."""

    database: Database
    clock: Clock
    signing_key: Secret
    encoder: Hashids

    def close(self) -> None:
        self.database.close()


def migrate(settings: Settings, clock: Clock) -> list[str]:
    """Make the database if there is none, apply what is pending, and return the names of what was applied."""
    create(settings.database)
    database = open_database(settings, patient=True)
    try:
        return [step.label for step in migrations.apply(database, clock.now())]
    finally:
        database.close()


def distribute(settings: Settings, clock: Clock) -> tuple[list[str], list[str]]:
    """As `migrate`, and distribute the tables over the Citus cluster whose coordinator the database is on. Returns
    the names of what was applied, and of the tables that were distributed. NotDistributable if it cannot be done.
    """
    if isinstance(settings.database, SqliteUrl):
        raise NotDistributable(
            f"{settings.database} is an SQLite file, nothing was done: only PostgreSQL can be distributed; remora move"
            " brings an installation there"
        )
    from remora.storage.migrations import citus  # noqa: PLC0415 (the driver takes its time to load)

    database = open_database(settings, patient=True)
    try:
        citus.check(database)
        applied = [step.label for step in migrations.apply(database, clock.now())]
        return applied, citus.distribute(database)
    finally:
        database.close()


def open_installation(settings: Settings, clock: Clock, *, serving: bool = False) -> Installation:
    """Open a database that has every migration; StoreUnavailable or SchemaOutOfDate otherwise. When `serving`,
    no statement may take longer than a request can wait.
    """
    database = open_database(settings, patient=not serving)
    try:
        migrations.verify(database)
        _check_whole(database)
        signing_key = settings.signing_key or Secret(_kept(database, "signing_key"))
        return Installation(database, clock, signing_key, ids.encoder_of(_kept(database, "id_salt")))
    except BaseException:
        database.close()
        raise


def open_target(settings: Settings, clock: Clock) -> Database:
    """Open the database that an installation is to be moved to, made and migrated if it has to be."""
    migrate(settings, clock)
    return open_database(settings, patient=True)


def ready(installation: Installation) -> None:
    """Raise StoreUnavailable or SchemaOutOfDate unless the database answers and fits this version."""
    migrations.verify(installation.database)


def _check_whole(database: Database) -> None:
    with database.read() as tx:
        if values.value(tx, MOVING) is not None:
            raise MoveUnfinished("this database is a copy that is not whole yet; run remora move again to finish it")


def _kept(database: Database, name: str) -> str:
    """The value kept with the database, made of 256 random bits at first need."""
    with database.read() as tx:
        kept = values.value(tx, name)
    if kept is None:
        with database.write() as tx:
            kept = values.keep(tx, name, secrets.token_hex(32))
    return kept
