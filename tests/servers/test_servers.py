"""The servers that other tests rely on start, come back, keep what was committed, and leave nothing behind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from subprocess import PIPE

import psutil
import psycopg
import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisUnavailable
from redis.exceptions import TimeoutError as RedisSilent

from tests.servers.databases import Databases
from tests.servers.keyspace import Keyspace
from tests.servers.pgbouncer import PgBouncer
from tests.servers.postgresql import PostgresServer
from tests.servers.redis import RedisServer
from tests.servers.server import Server


def rows(url: str) -> list[tuple[int]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT number FROM numbers ORDER BY number").fetchall()


def write(url: str, number: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS numbers (number integer)")
        connection.execute("INSERT INTO numbers VALUES (%s)", (number,))


def test_a_clone_begins_as_its_template_and_goes_its_own_way(postgres: Databases) -> None:
    write(postgres.create("pattern"), 1)
    first, second = postgres.create("first", "pattern"), postgres.create("second", "pattern")
    write(first, 2)
    assert rows(first) == [(1,), (2,)]
    assert rows(second) == [(1,)]
    for name in ("first", "second", "pattern"):
        postgres.drop(name)


def test_a_dropped_database_is_gone_even_if_someone_is_connected_to_it(postgres: Databases) -> None:
    url = postgres.create("doomed")
    with psycopg.connect(url) as connection:
        postgres.drop("doomed")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


def test_what_was_committed_is_there_after_a_kill(mortal_postgres: PostgresServer) -> None:
    url = mortal_postgres.databases.create("kept")
    write(url, 1)
    with closing(psycopg.connect(url)) as connection:
        connection.execute("INSERT INTO numbers VALUES (2)")
        mortal_postgres.kill()
        with pytest.raises(psycopg.OperationalError, match="closed the connection unexpectedly"):
            connection.commit()
    with pytest.raises(psycopg.OperationalError, match="refused"):
        psycopg.connect(url)
    mortal_postgres.start()
    assert rows(url) == [(1,)]


def test_what_was_committed_is_there_after_a_stop(mortal_postgres: PostgresServer) -> None:
    url = mortal_postgres.databases.create("stopped")
    write(url, 1)
    mortal_postgres.stop("fast")
    mortal_postgres.start()
    mortal_postgres.stop("immediate")
    mortal_postgres.start()
    assert rows(url) == [(1,)]


def test_a_killed_postgresql_leaves_no_shared_memory(mortal_postgres: PostgresServer) -> None:
    def segments() -> set[str]:
        return {line.split()[1] for line in Path("/proc/sysvipc/shm").read_text().splitlines()}

    segment = mortal_postgres.shared_memory
    assert segment in segments()
    mortal_postgres.kill()
    assert segment not in segments()


def test_a_paused_server_answers_nothing_until_it_goes_on(mortal_postgres: PostgresServer) -> None:
    url = mortal_postgres.databases.create("paused")
    with psycopg.connect(url) as connection, ThreadPoolExecutor(1) as pool:
        mortal_postgres.pause()
        answer = pool.submit(connection.execute, "SELECT 1")
        with pytest.raises(TimeoutError):
            answer.result(0.2)
        with pytest.raises(psycopg.errors.ConnectionTimeout):
            psycopg.connect(url, connect_timeout=2)
        mortal_postgres.resume()
        assert answer.result(10).fetchone() == (1,)


def test_only_a_durable_server_waits_for_the_disk(postgres: Databases, mortal_postgres: PostgresServer) -> None:
    def settings(url: str) -> list[tuple[str, str]]:
        with psycopg.connect(url) as connection:
            return connection.execute(
                "SELECT name, setting FROM pg_settings "
                "WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') ORDER BY name"
            ).fetchall()

    durable = [("fsync", "on"), ("full_page_writes", "on"), ("synchronous_commit", "on")]
    assert settings(mortal_postgres.url("postgres")) == durable
    assert settings(postgres.server) == [("fsync", "off"), ("full_page_writes", "off"), durable[2]]


def test_a_redis_forgets_when_it_is_killed_and_starts_on_the_same_port(mortal_redis: RedisServer) -> None:
    with Redis.from_url(mortal_redis.url, retry=None) as redis:
        redis.set("name", "value")
        mortal_redis.kill()
        with pytest.raises(RedisUnavailable):
            redis.get("name")
        mortal_redis.start()
        assert redis.get("name") is None


def test_a_paused_redis_does_not_answer(mortal_redis: RedisServer) -> None:
    mortal_redis.stop()
    mortal_redis.start()
    mortal_redis.pause()
    with Redis.from_url(mortal_redis.url, retry=None, socket_timeout=0.1) as redis:
        with pytest.raises(RedisSilent):
            redis.ping()
        mortal_redis.resume()
        assert redis.ping()


def test_each_keyspace_is_empty_and_apart_from_what_others_keep(redis: str, mortal_redis: RedisServer) -> None:
    with Redis.from_url(redis) as own:
        assert own.keys() == [b"remora-test-claim"]
    with Redis.from_url(mortal_redis.url, db=0) as other:
        other.set("theirs", "kept")
        first, second = Keyspace(mortal_redis.url), Keyspace(mortal_redis.url)
        assert [first.url, second.url] == [f"{mortal_redis.url}/1", f"{mortal_redis.url}/2"]
        with Redis.from_url(first.url) as ours:
            ours.set("ours", "forgotten")
        first.clear()
        first.close()
        second.close()
        assert {name: space["keys"] for name, space in other.info("keyspace").items()} == {"db0": 1}


def test_sessions_through_pgbouncer_share_one_of_postgresql(postgres: Databases, pgbouncer: PgBouncer) -> None:
    postgres.create("shared")
    url = pgbouncer.url(postgres.url("shared"))
    with psycopg.connect(url, autocommit=True) as first, psycopg.connect(url, autocommit=True) as second:
        pids = [session.execute("SELECT pg_backend_pid()").fetchone() for session in (first, second, first, second)]
    assert len(set(pids)) == 1
    postgres.drop("shared")


@pytest.mark.parametrize("kind", [PostgresServer, RedisServer])
def test_a_closed_server_leaves_nothing(kind: Callable[[], Server]) -> None:
    with kind() as server:
        folder, processes = server.folder, server.processes()
        assert all(process.is_running() for process in processes)
    assert not folder.exists()
    assert not any(process.is_running() for process in processes)


ROOT = Path(__file__).parents[2]
LONELY = """
import sys
from tests.servers.postgresql import PostgresServer
with PostgresServer() as server:
    server.pause()
    print(server.folder, flush=True)
    sys.stdin.read()
"""


def test_no_server_outlives_tests_that_were_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", LONELY], cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True) as tests:
        assert tests.stdout is not None
        folder = Path(tests.stdout.readline().strip())
        orphans = psutil.Process(tests.pid).children(recursive=True)
        assert len(orphans) > 5
        tests.kill()
    psutil.wait_procs(orphans, timeout=10)
    assert not any(process.is_running() for process in orphans)
    assert not folder.exists()


class MisspeltServer(RedisServer):
    def _command(self) -> list[str | Path]:
        return [*super()._command(), "--prot", "1"]


def test_a_server_that_cannot_start_says_why_and_leaves_nothing() -> None:
    server = MisspeltServer()
    with pytest.raises(RuntimeError, match="Bad directive"), server:
        pass
    assert not server.folder.exists()
