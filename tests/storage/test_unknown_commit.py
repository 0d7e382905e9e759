"""A commit whose outcome cannot be told is not told as a fault: the caller is to send the same again, with its key."""

from __future__ import annotations

import psycopg
import pytest

from remora.errors import StoreUnavailable
from remora.settings import Secret
from remora.storage import migrations
from remora.storage.operations import OPERATION
from remora.storage.postgresql import PostgresDatabase
from tests.servers.databases import Databases

# What Citus does when a worker goes away while it commits: the coordinator's COMMIT ends with an internal error.
FAILING = b"""
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
    RAISE 'could not commit transaction for shard 102008 on at least one active node' USING ERRCODE = 'XX000';
END$$;
CREATE CONSTRAINT TRIGGER fails AFTER INSERT ON installation DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION fail();
"""


def test_an_internal_error_at_the_commit_leaves_open_whether_it_was_done(postgres: Databases) -> None:
    url = postgres.create("unknown_commit")
    database = PostgresDatabase(Secret(url), timeout_seconds=5, pool_size=4)
    migrations.apply(database, 0)
    with psycopg.connect(url) as connection:
        connection.execute(FAILING)
    with pytest.raises(StoreUnavailable, match="whether it was done is not known"), database.write() as tx:
        tx.run("installation_keep", name="a", value="1")
    row = ("a", bytes(32), b"", 0)

    def write_rows() -> None:
        with database.write() as tx:
            tx.run("installation_keep", name="a", value="1")
            tx.run_many("operation_add", "nobody", OPERATION, [row])  # they go on their way together with the commit

    with pytest.raises(StoreUnavailable, match="whether it was done is not known"):
        write_rows()
    with database.read() as tx:
        assert tx.one("installation_value", name="a") is None
    database.close()
    postgres.drop("unknown_commit")
