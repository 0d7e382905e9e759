"""Distributing the tables over a Citus cluster: those of a bot by its id, side by side; the others everywhere.

There is no state of ours: what is to be done is read from Citus' own catalog each time, so that a run that was
stopped is gone on with by the next.
"""

from __future__ import annotations

import re
from typing import NoReturn

import psycopg

from remora.errors import NotDistributable, StoreUnavailable
from remora.storage.database import Database, Transaction, UniqueViolation

OLDEST = (11, 2)
"""From this version on a transaction is as isolated on the workers as its BEGIN asks for: what a reader computes of
several statements needs one snapshot.
"""

BOTS = "bots"
BY_BOT = (
    *(BOTS, "credentials", "clients", "lots", "holds", "entries", "entry_lots", "operations"),
    *("imports", "import_rows", "import_tasks", "import_pieces"),
)
OPERATORS = ("operators", "operator_bots", "sessions", "sign_in_failures")
EVERYWHERE = ("schema_migrations", "installation", *OPERATORS)

COMMAND = "remora migrate --citus"
INSTALL = (
    "put citus first into shared_preload_libraries on every node and restart them, run CREATE EXTENSION citus in this"
    " database on every node, and add the nodes with citus_add_node; docs/operations/scaling.md has the commands"
)


def check(database: Database) -> None:
    """Raise NotDistributable unless this database is the coordinator of a cluster that will do. Changes nothing."""
    with database.read() as tx:
        version = tx.one("citus_version")
        if version is None:
            raise NotDistributable(
                f"the Citus extension is not installed in this database, nothing was done: {INSTALL}"
            )
        if _number(version[0]) < OLDEST:
            raise NotDistributable(f"Citus {_text(OLDEST)} or later is needed, not {version[0]}; nothing was done")
        if tx.one("citus_group") != (0,):
            raise NotDistributable("this node is a worker, nothing was done: connect to the coordinator")
        if tx.one("citus_holders") == (0,):
            raise NotDistributable(f"no node of the cluster may hold shards, nothing was done: {INSTALL}")
        if tx.one("migration_table"):
            for table in (*BY_BOT, *EVERYWHERE):
                _placed(tx, table)


def distribute(database: Database) -> list[str]:
    """Distribute the tables that are not yet, each in a transaction of its own, and return their names.
    NotDistributable if Citus refuses; what was done before stays.
    """
    return [table for table in (*EVERYWHERE, *BY_BOT) if _distributed(database, table)]


def _distributed(database: Database, table: str) -> bool:
    """Distribute a table unless it is, and let go of the rows that were copied to the nodes."""
    try:
        with database.write() as tx:
            tx.all("migrations_alone")
            missing = not _placed(tx, table)
            if missing:
                _place(tx, table)
        with database.write() as tx:
            if tx.one("citus_left_behind", relation=table) != (0,):
                tx.all("citus_clear", relation=table)
    except (psycopg.Error, StoreUnavailable, UniqueViolation) as problem:
        told = _told(problem.__cause__ or problem)
        if told is None:
            raise
        raise NotDistributable(f"{table} was not distributed: {told}; mend it, and run {COMMAND} again") from problem
    return missing


def _told(problem: BaseException) -> str | None:
    """What the server has said: Citus names the node, the lock or the setting. None if it said nothing."""
    return problem.diag.message_primary if isinstance(problem, psycopg.Error) else None


def _place(tx: Transaction, table: str) -> None:
    if table in EVERYWHERE:
        tx.all("citus_replicate", relation=table)
    else:
        # A group of our own, so that moving a bot's shard takes nobody else's tables along.
        tx.all("citus_distribute", relation=table, beside="none" if table == BOTS else BOTS)


def _placed(tx: Transaction, table: str) -> bool:
    """Is it distributed as it has to be? NotDistributable if it is, but otherwise."""
    placement = tx.one("citus_placement", relation=table)
    if placement is None:
        return False
    method, replication, column, group = placement
    if method == "n" and replication != "t" and group == 0:
        return False  # Citus knows the table, and leaves it where it is
    if table in EVERYWHERE:
        right = method == "n" and replication == "t"
    else:
        beside = tx.one("citus_placement", relation=BOTS)
        right = method == "h" and column == "bot_id" and beside is not None and beside[3] == group
    if not right:
        _refuse(table)
    return True


def _refuse(table: str) -> NoReturn:
    how = "a reference table" if table in EVERYWHERE else f"distributed by bot_id and co-located with {BOTS}"
    raise NotDistributable(
        f"the table {table} is distributed already, but is not {how}: undo it with undistribute_table('{table}'),"
        f" and run {COMMAND} again"
    )


def _number(version: str) -> tuple[int, int]:
    """Major and minor of Citus' version of the form 12.1-1; (0, 0) of any other."""
    found = re.match(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _text(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))
