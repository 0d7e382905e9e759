"""On a real Citus cluster: `migrate --citus`, the ledger, and the proof that each statement is one shard's.

REMORA_TEST_CITUS_URL names a database on the coordinator, with Citus in it and two workers that hold shards; its user
may make schemas, and the URL has no `options`. The tests work in a schema of their own, and drop it in the end.
REMORA_TEST_CITUS_WORKER_URL, if it is set, names the same database on a worker.
"""

from __future__ import annotations

import itertools
import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from secrets import token_hex
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from msgspec.structs import replace
from psycopg.errors import Diagnostic
from psycopg.sql import SQL, Identifier

from remora import settings as environment
from remora.ledger.commands import Grant
from remora.model import Platform
from remora.service import clients, lookup, points, verify
from remora.service.installation import Installation, distribute, open_installation
from remora.settings import PostgresUrl, Secret, Settings
from remora.storage.connection import Connection
from remora.storage.migrations import citus
from remora.storage.postgresql import PostgresDatabase
from remora.web.routes import API
from tests.cast import SIGNING_KEY, START, Api, ManualClock, Shop, open_shop
from tests.storage.every_call import call_everything, operate
from tests.storage.one_shard import explained, on_request_paths

COORDINATOR = os.environ.get("REMORA_TEST_CITUS_URL")
WORKER = os.environ.get("REMORA_TEST_CITUS_WORKER_URL")
pytestmark = pytest.mark.skipif(
    not COORDINATOR, reason="REMORA_TEST_CITUS_URL names no Citus cluster, and none can be brought along"
)

WATCHED = "-c citus.log_remote_commands=on -c citus.log_local_commands=on"
"""Citus tells each command that it sends to a node, or carries out on this one, as a notice."""


@dataclass(frozen=True)
class Command:
    """What a node was sent, and which: `user@host:port`, or "" for this one."""

    text: str
    server: str


class Watched(PostgresDatabase):
    """The store, with an ear for notices."""

    commands: list[Command]

    def _configure(self, connection: Connection) -> None:
        connection.add_notice_handler(note)
        super()._configure(connection)


def note(notice: Diagnostic) -> None:
    kind, _, text = (notice.message_primary or "").partition(" ")
    if kind in ("issuing", "executing"):
        server = re.match(r"on server (\S+)", notice.message_detail or "")
        Watched.commands.append(Command(text.removeprefix("the command locally: "), server[1] if server else ""))


@dataclass(frozen=True)
class Cluster:
    """A schema of our own, distributed."""

    schema: str
    settings: Settings
    connection: psycopg.Connection[Any]

    def rows(self, query: str, *values: object) -> list[Any]:
        return self.connection.execute(query.encode(), values or None).fetchall()

    def workers(self) -> list[int]:
        """The groups of the nodes that hold shards, but for the one that we are connected to."""
        query = """
            SELECT groupid FROM pg_dist_node WHERE isactive AND noderole = 'primary' AND shouldhaveshards
            AND groupid <> (SELECT groupid FROM pg_dist_local_group) ORDER BY groupid"""
        return [group for (group,) in self.rows(query)]

    def holder(self, bot_id: str) -> int:
        """The group of the node that holds a bot."""
        query = """
            SELECT groupid FROM pg_dist_placement
            WHERE shardid = get_shard_id_for_distribution_column('bots', %s::text)"""
        [(group,)] = self.rows(query, bot_id)
        return int(group)

    def new_bot_id(self, group: int) -> str:
        """An id that nobody has, and that is held by that node."""
        names = (f"shop{token_hex(4)}" for _ in itertools.count())
        return next(name for name in names if self.holder(name) == group)

    def shards(self) -> dict[str, str]:
        """Of every shard, by its table's name and number, the group of co-located ones: where its hash values begin."""
        query = """
            SELECT concat_ws('_', CAST(logicalrelid AS text), shardid), shardminvalue FROM pg_dist_shard
            WHERE shardminvalue IS NOT NULL AND logicalrelid = ANY (CAST(%s AS regclass[]))"""
        return dict(self.rows(query, list(citus.BY_BOT)))


def settings_for(url: str, schema: str) -> Settings:
    options = quote(f"-c search_path={schema} {WATCHED}")
    whole = f"{url}{'&' if urlsplit(url).query else '?'}options={options}"
    return replace(environment.load({}), database=PostgresUrl(Secret(whole)), signing_key=SIGNING_KEY)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    assert COORDINATOR is not None
    schema = f"remora_test_{token_hex(4)}"
    with psycopg.connect(COORDINATOR, autocommit=True) as connection:
        connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
        connection.execute(SQL("SET search_path TO {}").format(Identifier(schema)))
        try:
            settings = settings_for(COORDINATOR, schema)
            applied, distributed = distribute(settings, ManualClock())
            assert applied
            assert distributed == [*citus.EVERYWHERE, *citus.BY_BOT]
            yield Cluster(schema, settings, connection)
        finally:
            connection.execute(SQL("DROP SCHEMA {} CASCADE").format(Identifier(schema)))


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[Command]:
    """What nodes are sent, from now on."""
    monkeypatch.setattr(Watched, "commands", [], raising=False)
    monkeypatch.setattr("remora.storage.stores.PostgresDatabase", Watched)
    return Watched.commands


@pytest.fixture
def installation(cluster: Cluster, commands: list[Command], clock: ManualClock) -> Iterator[Installation]:
    opened = open_installation(cluster.settings, clock)
    assert isinstance(opened.database, Watched)
    assert commands is Watched.commands
    yield opened
    opened.close()


@pytest.fixture
def shops(cluster: Cluster, installation: Installation) -> list[Shop]:
    """A shop on each of two workers."""
    first, second, *_ = cluster.workers()
    return [open_shop(installation, cluster.new_bot_id(group)) for group in (first, second)]


def test_a_second_run_distributes_nothing(cluster: Cluster) -> None:
    assert distribute(cluster.settings, ManualClock()) == ([], [])


def test_the_tables_of_bots_are_co_located_and_spread_over_the_workers(cluster: Cluster) -> None:
    found = cluster.rows(
        "SELECT CAST(logicalrelid AS text), CAST(partmethod AS text), colocationid FROM pg_dist_partition"
        " WHERE logicalrelid = ANY (CAST(%s AS regclass[]))",
        [*citus.BY_BOT, *citus.EVERYWHERE],
    )
    assert {table for table, method, _ in found if method == "h"} == set(citus.BY_BOT)
    assert len({group for _, method, group in found if method == "h"}) == 1
    [(nodes,)] = cluster.rows("""
        SELECT count(DISTINCT groupid) FROM pg_dist_shard JOIN pg_dist_placement USING (shardid)
        WHERE logicalrelid = CAST('clients' AS regclass)""")
    assert nodes >= 2


def test_every_node_commits_to_disk(cluster: Cluster) -> None:
    found = cluster.rows("SELECT result FROM run_command_on_all_nodes('SHOW synchronous_commit')")
    assert {result for (result,) in found}.isdisjoint({"off", "local"})


@pytest.mark.parametrize("name", on_request_paths())
def test_the_statement_is_one_task(name: str, cluster: Cluster) -> None:
    [[plan]] = cluster.rows(explained(on_request_paths()[name], "teaShop01").decode())
    assert values(plan, "Custom Plan Provider") == ["Citus Adaptive"], "nothing is gathered at the coordinator"
    assert values(plan, "Task Count") == [1]
    assert values(plan, "Subplans") == []


def values(plan: object, key: str) -> list[Any]:
    """All values of a key, however deep."""
    below = plan if isinstance(plan, list) else list(plan.values()) if isinstance(plan, dict) else []
    own = [plan[key]] if isinstance(plan, dict) and key in plan else []
    return own + [value for each in below for value in values(each, key)]


def test_all_that_a_bot_does_is_one_shards_on_one_node(
    cluster: Cluster,
    installation: Installation,
    shops: list[Shop],
    commands: list[Command],
    serve: Callable[[Installation, Settings], Api],
    clock: ManualClock,
) -> None:
    api, shards = serve(installation, cluster.settings), cluster.shards()
    servers = set()
    for shop in shops:
        commands.clear()
        clock.time = START
        assert call_everything(api, shop, clock) == {route.path for route in API}
        operate(shop, clock)
        texts = [command.text for command in commands]
        touched = [{shards[word] for word in re.findall(r"\w+", text) if word in shards} for text in texts]
        assert sum(map(bool, touched)) > 50
        assert [text for text, groups in zip(texts, touched, strict=True) if len(groups) > 1] == []
        assert len(set().union(*touched)) == 1
        [server] = {command.server for command, groups in zip(commands, touched, strict=True) if groups}
        servers.add(server)
        assert any("REPEATABLE READ" in text for text in texts), "a reader's snapshot is the node's"
        assert not any("PREPARE TRANSACTION" in text for text in texts), "the node commits alone"
    assert len(servers) == 2


def test_a_reader_sees_one_snapshot_while_a_writer_commits(installation: Installation, shops: list[Shop]) -> None:
    bot_id = shops[0].bot_id
    with installation.database.read() as tx:
        assert tx.one("client_count", bot_id=bot_id) == (0,)
        writer = threading.Thread(target=clients.add, args=(installation, bot_id, Platform.LINE, "U1"))
        writer.start()
        writer.join()
        assert tx.one("client_count", bot_id=bot_id) == (0,)
    with installation.database.read() as tx:
        assert tx.one("client_count", bot_id=bot_id) == (1,)


def test_writers_of_several_processes_neither_lose_points_nor_lock_each_other_out(
    cluster: Cluster, installation: Installation, shops: list[Shop], clock: ManualClock
) -> None:
    shop = shops[0]
    client_ids = [shop.client(platform_client_id=f"U{number}") for number in range(3)]
    others = [open_installation(cluster.settings, clock) for _ in range(3)]
    problems: list[Exception] = []

    def grant(own: Installation) -> None:
        try:
            for client_id in client_ids * 10:
                points.order(own, shop.bot_id, client_id, Grant(1))
        except Exception as problem:  # noqa: BLE001 (it is told by the thread that waits)
            problems.append(problem)

    threads = [threading.Thread(target=grant, args=(own,)) for own in (installation, *others)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in others:
        other.close()
    assert problems == []
    found = lookup.balances(installation, shop.bot_id, client_ids)
    assert [found[client_id].points for client_id in client_ids] == [40, 40, 40]
    assert list(verify.verify(installation, shop.bot_id, lambda _: None)) == []


def test_a_bot_that_was_isolated_and_moved_goes_on(cluster: Cluster, installation: Installation) -> None:
    here, there, *_ = cluster.workers()
    shop = open_shop(installation, cluster.new_bot_id(here))
    neighbour = open_shop(installation, cluster.new_bot_id(here))
    client_id = shop.client(5)
    [(shard,)] = cluster.rows(
        "SELECT isolate_tenant_to_new_shard('clients', %s::text, 'CASCADE', shard_transfer_mode => 'block_writes')",
        shop.bot_id,
    )
    cluster.rows(
        """SELECT citus_move_shard_placement(%s::bigint, old.nodename, old.nodeport, new.nodename, new.nodeport,
                                             shard_transfer_mode => 'block_writes')
           FROM pg_dist_node AS old, pg_dist_node AS new
           WHERE old.groupid = %s AND new.groupid = %s AND old.noderole = 'primary' AND new.noderole = 'primary'""",
        shard,
        here,
        there,
    )
    assert (cluster.holder(shop.bot_id), cluster.holder(neighbour.bot_id)) == (there, here)
    for each in (shop, neighbour):
        again = each.client(2, platform_client_id="U2")
        assert lookup.balances(installation, each.bot_id, [again])[again].points == 2
        assert list(verify.verify(installation, each.bot_id, lambda _: None)) == []
    assert lookup.balances(installation, shop.bot_id, [client_id])[client_id].points == 5


@pytest.mark.skipif(not WORKER, reason="REMORA_TEST_CITUS_WORKER_URL names no worker")
def test_a_worker_serves_as_the_coordinator_does(
    cluster: Cluster, clock: ManualClock, serve: Callable[[Installation, Settings], Api]
) -> None:
    assert WORKER is not None
    settings = settings_for(WORKER, cluster.schema)
    opened = open_installation(settings, clock)
    for group in cluster.workers():
        clock.time = START
        shop = open_shop(opened, cluster.new_bot_id(group))
        call_everything(serve(opened, settings), shop, clock)
        operate(shop, clock)
    opened.close()
