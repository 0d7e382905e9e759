"""A server of each kind for each process that runs tests, started when the first test asks for it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.servers.databases import Databases
from tests.servers.postgresql import PostgresServer

POSTGRES_URL = os.environ.get("REMORA_TEST_POSTGRES_URL")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Databases]:
    """Databases of the server that REMORA_TEST_POSTGRES_URL names, or else of our own."""
    if POSTGRES_URL is None:
        with PostgresServer() as server:
            yield server.databases
    else:
        databases = Databases(POSTGRES_URL)
        yield databases
        databases.close()


@pytest.fixture(scope="session")
def _durable_postgres() -> Iterator[PostgresServer]:
    if POSTGRES_URL is not None:
        pytest.skip("REMORA_TEST_POSTGRES_URL names a server, which we neither kill nor pause")
    with PostgresServer(durable=True) as server:
        yield server


@pytest.fixture
def mortal_postgres(_durable_postgres: PostgresServer) -> PostgresServer:
    """A durable server that the test may stop, kill and pause. It runs when the test begins."""
    _durable_postgres.revive()
    return _durable_postgres
