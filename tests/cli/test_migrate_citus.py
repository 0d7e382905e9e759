"""`remora migrate --citus`: what it refuses, and in which order it asks Citus for what.

Citus itself is not here: a few functions and tables in a plain database stand in for what the server would answer.
That the real extension takes what it is asked for is tested by tests/storage/test_citus.py, on a real cluster.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier, Literal

from remora.storage import migrations
from remora.storage.migrations import citus
from tests.servers.databases import Databases
from tests.shell import Shell

STAND_IN = (Path(__file__).parents[1] / "storage" / "citus_stand_in.sql").read_bytes()
REFUSED = 900016
EVERY_TABLE = [*citus.EVERYWHERE, *citus.BY_BOT]


@dataclass
class Cluster:
    """A database, and a shell whose REMORA_DATABASE_URL it is."""

    connection: psycopg.Connection[Any]
    shell: Shell

    def rows(self, query: bytes) -> list[Any]:
        return self.connection.execute(query).fetchall()

    def has_tables(self) -> bool:
        return bool(self.rows(b"SELECT 1 FROM pg_tables WHERE schemaname = 'public'"))

    def told(self) -> str:
        """What `migrate --citus` is refused with; there is no traceback, and nothing on standard output."""
        done = self.shell.run("migrate", "--citus")
        assert (done.returncode, done.stdout) == (1, ""), done
        assert done.stderr.startswith("remora: "), done.stderr
        assert done.stderr.endswith(f"(code {REFUSED})\n"), done.stderr
        assert done.stderr.count("\n") == 1
        return done.stderr


@pytest.fixture
def plain(postgres: Databases, new_shell: Shell) -> Iterator[Cluster]:
    """An empty PostgreSQL database."""
    url = postgres.create("distributed")
    new_shell.environment["REMORA_DATABASE_URL"] = url
    with psycopg.connect(url, autocommit=True) as connection:
        yield Cluster(connection, new_shell)
    postgres.drop("distributed")


@pytest.fixture
def cluster(plain: Cluster) -> Cluster:
    """The same with the stand-in for Citus."""
    plain.connection.execute(STAND_IN)
    return plain


def test_an_sqlite_file_is_refused_and_none_is_made(new_shell: Shell, tmp_path: Path) -> None:
    assert new_shell.refused("migrate", "--citus") == REFUSED
    assert not (tmp_path / "data").exists()


def test_without_the_extension_it_says_what_to_do_and_does_nothing(plain: Cluster) -> None:
    told = plain.told()
    for hint in ("shared_preload_libraries", "CREATE EXTENSION citus", "citus_add_node"):
        assert hint in told
    assert plain.shell.refused("migrate", "--citus") == REFUSED
    assert not plain.has_tables()


@pytest.mark.parametrize(
    ("lack", "hint"),
    [
        (b"UPDATE pg_extension SET extversion = '11.1-1' WHERE extname = 'citus'", "11.2 or later"),
        (b"UPDATE pg_extension SET extversion = '9.5-1' WHERE extname = 'citus'", "11.2 or later"),
        (b"UPDATE stand_in.pg_dist_local_group SET groupid = 1", "connect to the coordinator"),
        (b"UPDATE stand_in.pg_dist_node SET shouldhaveshards = false", "citus_add_node"),
        (b"UPDATE stand_in.pg_dist_node SET isactive = false", "citus_add_node"),
        (b"UPDATE stand_in.pg_dist_node SET noderole = 'secondary'", "citus_add_node"),
    ],
)
def test_a_cluster_that_will_not_do_is_refused_before_anything_is_done(
    cluster: Cluster, lack: bytes, hint: str
) -> None:
    cluster.connection.execute(lack)
    assert hint in cluster.told()
    assert not cluster.has_tables()


def test_every_table_is_distributed_by_bot_beside_the_others_but_those_that_are_everywhere(cluster: Cluster) -> None:
    assert cluster.shell.json("migrate", "--citus") == {
        "database": cluster.shell.json("migrate")["database"],
        "applied": [step.label for step in migrations.shipped("postgresql")],
        "distributed": EVERY_TABLE,
    }
    placed = cluster.rows(
        b"SELECT logicalrelid::text, partmethod, partkey, colocationid FROM stand_in.pg_dist_partition"
    )
    assert set(placed) == {
        *((table, "n", None, 1) for table in citus.EVERYWHERE),
        *((table, "h", "bot_id", 2) for table in citus.BY_BOT),
    }
    tables = cluster.rows(b"SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert sorted(tables) == sorted((table,) for table in EVERY_TABLE), "each is named in storage/migrations/citus.py"


def test_a_second_run_changes_nothing_and_says_so(cluster: Cluster) -> None:
    assert "distributed clients\n" in cluster.shell.ok("migrate", "--citus")
    before = cluster.rows(b"SELECT xmin::text, * FROM stand_in.pg_dist_partition ORDER BY logicalrelid")
    assert cluster.shell.ok("migrate", "--citus").startswith("every table was distributed already\n")
    assert cluster.shell.json("migrate", "--citus")["distributed"] == []
    assert cluster.rows(b"SELECT xmin::text, * FROM stand_in.pg_dist_partition ORDER BY logicalrelid") == before


def test_tables_with_rows_are_distributed_and_the_copies_left_behind_cleared_once(cluster: Cluster) -> None:
    cluster.shell.ok("migrate")
    cluster.shell.ok("bot", "create", "Tea shop", "--bot-id", "teaShop01")
    cluster.shell.ok("migrate", "--citus")
    cleared = [("bots",), ("credentials",), ("installation",), ("schema_migrations",)]
    query = b"SELECT logicalrelid::text FROM stand_in.cleared ORDER BY 1"
    assert cluster.rows(query) == cleared
    cluster.shell.ok("migrate", "--citus")
    assert cluster.rows(query) == cleared
    assert cluster.shell.json("bot", "show", "teaShop01")["botId"] == "teaShop01"


def test_a_run_that_was_stopped_half_way_is_gone_on_with(cluster: Cluster) -> None:
    refuse(cluster, "entries")
    assert "entries was not distributed: connection to the remote node worker:5432 failed" in cluster.told()
    done = {table for (table,) in cluster.rows(b"SELECT logicalrelid::text FROM stand_in.pg_dist_partition")}
    assert done == {*citus.EVERYWHERE, "bots", "credentials", "clients", "lots", "holds"}
    refuse(cluster, "none")
    assert cluster.shell.json("migrate", "--citus")["distributed"] == [
        *("entries", "entry_lots", "operations", "imports", "import_rows", "import_tasks", "import_pieces")
    ]


def test_a_table_of_a_later_migration_is_distributed_by_running_it_again(cluster: Cluster) -> None:
    cluster.shell.ok("migrate", "--citus")
    cluster.connection.execute(b"DELETE FROM stand_in.pg_dist_partition WHERE logicalrelid = 'holds'::regclass")
    assert cluster.shell.json("migrate", "--citus")["distributed"] == ["holds"]


def test_a_table_that_is_distributed_otherwise_is_refused(cluster: Cluster) -> None:
    cluster.shell.ok("migrate", "--citus")
    for table, change in (
        ("lots", b"partkey = 'client_id'"),
        ("lots", b"colocationid = 7"),
        ("lots", b"partmethod = 'n', repmodel = 't'"),
        ("bots", b"partkey = 'name'"),
        ("installation", b"partmethod = 'h', partkey = 'name', repmodel = 's'"),
    ):
        where = b" WHERE logicalrelid = '" + table.encode() + b"'::regclass"
        [(before,)] = cluster.rows(b"SELECT pg_dist_partition FROM stand_in.pg_dist_partition" + where)
        cluster.connection.execute(b"UPDATE stand_in.pg_dist_partition SET " + change + where)
        assert f"undistribute_table('{table}')" in cluster.told()
        cluster.connection.execute(b"DELETE FROM stand_in.pg_dist_partition" + where)
        cluster.connection.execute(
            b"INSERT INTO stand_in.pg_dist_partition SELECT (%s::stand_in.pg_dist_partition).*", [before]
        )


def test_a_table_that_citus_merely_knows_is_distributed(cluster: Cluster) -> None:
    cluster.shell.ok("migrate")
    cluster.connection.execute(b"INSERT INTO stand_in.pg_dist_partition VALUES ('lots'::regclass, 'n', NULL, 0, 's')")
    assert "lots" in cluster.shell.json("migrate", "--citus")["distributed"]


def refuse(cluster: Cluster, table: str) -> None:
    name = cluster.connection.info.dbname
    cluster.connection.execute(
        SQL("ALTER DATABASE {} SET stand_in.refuses = {}").format(Identifier(name), Literal(table))
    )
