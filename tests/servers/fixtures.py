"""A server of each kind for each process that runs tests, started when the first test asks for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.servers.databases import Databases
from tests.servers.keyspace import Keyspace
from tests.servers.pgbouncer import PROGRAM, PgBouncer
from tests.servers.postgresql import PostgresServer
from tests.servers.redis import RedisServer

POSTGRES_URL = os.environ.get("REMORA_TEST_POSTGRES_URL")
REDIS_URL = os.environ.get("REMORA_TEST_REDIS_URL")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Databases]:
    """Databases of the server that REMORA_TEST_POSTGRES_URL names, or else of our own."""
    with ExitStack() as stack:
        databases = Databases(POSTGRES_URL) if POSTGRES_URL else stack.enter_context(PostgresServer()).databases
        yield databases
        databases.close()


@pytest.fixture(scope="session")
def _durable_postgres() -> Iterator[PostgresServer]:
    if POSTGRES_URL:
        pytest.skip("REMORA_TEST_POSTGRES_URL names a server, which we neither kill nor pause")
    with PostgresServer(durable=True) as server:
        yield server


@pytest.fixture
def mortal_postgres(_durable_postgres: PostgresServer) -> PostgresServer:
    """A durable server that the test may stop, kill and pause. It runs when the test begins."""
    _durable_postgres.revive()
    return _durable_postgres


@pytest.fixture(scope="session")
def pgbouncer(postgres: Databases) -> Iterator[PgBouncer]:
    """A PgBouncer in front of the server of `postgres`."""
    if PROGRAM is None:
        # Whoever has only Python and make is not to install it; CI does.
        (pytest.fail if "CI" in os.environ else pytest.skip)("there is no pgbouncer")
    with PgBouncer(postgres.server) as server:
        yield server


@pytest.fixture(scope="session")
def _keyspace() -> Iterator[Keyspace]:
    with ExitStack() as stack:
        keyspace = Keyspace(REDIS_URL or stack.enter_context(RedisServer()).url)
        yield keyspace
        keyspace.close()


@pytest.fixture
def redis(_keyspace: Keyspace) -> str:
    """The URL of an empty database of the server that REMORA_TEST_REDIS_URL names, or else of our own."""
    _keyspace.clear()
    return _keyspace.url


@pytest.fixture(scope="session")
def _mortal_redis() -> Iterator[RedisServer]:
    if REDIS_URL:
        pytest.skip("REMORA_TEST_REDIS_URL names a server, which we neither kill nor pause")
    with RedisServer() as server:
        yield server


@pytest.fixture
def mortal_redis(_mortal_redis: RedisServer) -> RedisServer:
    """A server that the test may stop, kill and pause. It runs when the test begins, with what is left in it."""
    _mortal_redis.revive()
    return _mortal_redis
