"""Every statement on a request's path names one bot, and needs its shard alone: from the statements' texts, from the
catalog of a real database, and from what the API really sends. So it can be told without a cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pglast
import psycopg
import pytest
from msgspec.structs import replace
from pglast import ast

from remora import settings as environment
from remora.service.installation import Installation, migrate, open_installation
from remora.settings import PostgresUrl, Secret, Settings
from remora.storage import postgresql
from remora.storage.migrations import citus
from remora.storage.numbered import Numbered, by_name, numbered
from remora.storage.pipeline import Pipeline
from remora.web.routes import API
from tests.cast import SIGNING_KEY, START, Api, ManualClock, open_shop
from tests.servers.databases import Databases
from tests.storage.every_call import call_everything, operate
from tests.storage.one_shard import KEY, explained, faults, on_request_paths, parsed, walk

OF_THE_INSTALLATION = set(citus.EVERYWHERE)


@pytest.fixture(scope="module")
def settings(postgres: Databases) -> Iterator[Settings]:
    """Of a migrated PostgreSQL database."""
    url = postgres.create("one_shard")
    read = replace(environment.load({}), database=PostgresUrl(Secret(url)), signing_key=SIGNING_KEY)
    migrate(read, ManualClock())
    yield read
    postgres.drop("one_shard")


@pytest.fixture(scope="module")
def catalog(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    assert isinstance(settings.database, PostgresUrl)
    with psycopg.connect(settings.database.url.reveal(), autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def tables(catalog: psycopg.Connection[Any]) -> set[str]:
    """The tables that are distributed by bot."""
    found = catalog.execute(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
    )
    return {name for (name,) in found} - OF_THE_INSTALLATION


@pytest.mark.parametrize("name", on_request_paths())
def test_the_statement_restricts_every_table_to_the_one_bot(name: str, tables: set[str]) -> None:
    assert faults(on_request_paths()[name], tables) == []


@pytest.mark.parametrize("name", on_request_paths())
def test_the_statement_can_be_explained(name: str, catalog: psycopg.Connection[Any]) -> None:
    """So that `test_citus.py`, which few can run, does not fail for that."""
    [[plans]] = catalog.execute(explained(on_request_paths()[name], "teaShop01"))
    assert plans[0]["Plan"]


CLIENTS = "SELECT client_id FROM clients WHERE"
INSERT = "INSERT INTO lots (bot_id, client_id) SELECT bots.bot_id, asked.id FROM bots CROSS JOIN"
ROWS = "json_to_recordset(:rows) AS asked (id text) WHERE bots.bot_id = :bot_id"


@pytest.mark.parametrize(
    "text",
    [
        f"{CLIENTS} held = 1",
        f"{CLIENTS} bot_id = 'teaShop01'",
        f"{CLIENTS} bot_id = :bot_id OR held = 1",
        f"{CLIENTS} bot_id = :bot_id AND (bot_id = :other OR held = 1)",
        f"{CLIENTS} bot_id = :bot_id AND bot_id = :other",
        f"{CLIENTS} bot_id = :other",
        f"{CLIENTS} bot_id = :bot_id AND bot_id <> :other",
        f"{CLIENTS} bot_id >= :bot_id",
        f"{CLIENTS} bot_id IS NOT DISTINCT FROM :bot_id",
        f"{CLIENTS} bot_id = ANY (:bot_id)",
        f"{CLIENTS} NOT bot_id = :bot_id",
        f"{CLIENTS} lower(bot_id) = :bot_id",
        f"{CLIENTS} (bot_id = :bot_id) IS TRUE",
        f"{CLIENTS} EXISTS (SELECT 1 FROM bots WHERE bot_id = :bot_id)",
        f"{CLIENTS} client_id IN (SELECT client_id FROM lots WHERE bot_id = :bot_id)",
        f"{CLIENTS} bot_id = :bot_id AND client_id IN (SELECT client_id FROM lots)",
        f"{CLIENTS} bot_id = :bot_id AND EXISTS (SELECT 1 FROM lots WHERE lots.bot_id = clients.bot_id)",
        f"{CLIENTS} bot_id = :bot_id UNION ALL SELECT client_id FROM lots",
        f"{CLIENTS} bot_id = :bot_id UNION ALL SELECT client_id FROM lots WHERE bot_id = :other",
        "WITH asked AS (SELECT * FROM clients) SELECT * FROM asked WHERE bot_id = :bot_id",
        "SELECT * FROM (SELECT * FROM clients) AS asked WHERE bot_id = :bot_id",
        "SELECT 1 FROM clients JOIN lots USING (bot_id) WHERE clients.bot_id = :bot_id",
        "SELECT 1 FROM clients NATURAL JOIN lots WHERE clients.bot_id = :bot_id",
        "SELECT 1 FROM clients JOIN lots ON lots.client_id = clients.client_id WHERE clients.bot_id = :bot_id",
        "SELECT 1 FROM clients, lots WHERE clients.bot_id = :bot_id",
        "SELECT 1 FROM bots LEFT JOIN lots ON true WHERE bots.bot_id = :bot_id",
        "SELECT 1 FROM bots LEFT JOIN lots ON bots.bot_id = :bot_id AND lots.bot_id = :bot_id",
        "SELECT 1 FROM bots FULL JOIN lots ON bots.bot_id = :bot_id AND lots.bot_id = :bot_id",
        "SELECT 1 FROM bots JOIN public.elsewhere ON elsewhere.bot_id = bots.bot_id WHERE bots.bot_id = :bot_id",
        "SELECT value FROM installation WHERE name = :name",
        "SELECT 1",
        "UPDATE clients SET held = 0",
        "UPDATE clients SET bot_id = :other WHERE bot_id = :bot_id",
        "UPDATE clients SET held = 0 FROM lots WHERE clients.bot_id = :bot_id AND lots.client_id = clients.client_id",
        "DELETE FROM lots WHERE client_id = :client_id",
        "DELETE FROM lots USING bots WHERE bots.bot_id = :bot_id",
        "INSERT INTO lots (client_id) VALUES (:client_id)",
        "INSERT INTO lots (bot_id, client_id) VALUES (:bot_id, :client_id), (:other, :client_id)",
        "INSERT INTO lots (bot_id, client_id) VALUES (:bot_id, (SELECT client_id FROM clients WHERE bot_id = :bot_id))",
        "INSERT INTO installation (bot_id) VALUES (:bot_id)",
        "INSERT INTO lots (bot_id, client_id) VALUES (:bot_id, 'a') ON CONFLICT DO NOTHING",
        "INSERT INTO lots (bot_id, client_id) VALUES (:bot_id, 'a') ON CONFLICT (client_id) DO NOTHING",
        "INSERT INTO lots (bot_id) VALUES (:bot_id) ON CONFLICT (bot_id) DO UPDATE SET bot_id = :other",
        "INSERT INTO lots (bot_id, client_id) SELECT :bot_id, id FROM json_to_recordset(:rows) AS asked (id text)",
        f"{INSERT} {ROWS.replace('bots.bot_id = :bot_id', 'true')}",
        f"{INSERT.replace('bots.bot_id', ':bot_id')} {ROWS}",
        f"{INSERT} {ROWS} LIMIT 1",
        "CREATE TABLE mine (bot_id text)",
    ],
)
def test_a_statement_that_may_need_more_is_found_out(text: str, tables: set[str]) -> None:
    assert faults(text, tables) != []


@pytest.mark.parametrize(
    "text",
    [
        f"{CLIENTS} :bot_id = bot_id AND (held = 1 OR NOT held = 2) ORDER BY client_id LIMIT 1 FOR UPDATE",
        "SELECT 1 FROM clients JOIN lots ON lots.bot_id = clients.bot_id WHERE clients.bot_id = :bot_id",
        "SELECT 1 FROM bots LEFT JOIN lots ON lots.bot_id = bots.bot_id WHERE bots.bot_id = :bot_id",
        f"{INSERT} {ROWS} ORDER BY asked.id ON CONFLICT (bot_id, client_id) DO UPDATE SET held = excluded.held",
    ],
)
def test_a_statement_that_needs_one_is_let_pass(text: str, tables: set[str]) -> None:
    assert faults(text, tables) == []


def volatilities(catalog: psycopg.Connection[Any], trees: Iterable[Any]) -> dict[str, set[str]]:
    """Of every function that the trees call, by its name: i(mmutable), s(table) or v(olatile)."""
    calls = [node.funcname[-1].sval for tree in trees for node in walk(tree) if isinstance(node, ast.FuncCall)]
    found: dict[str, set[str]] = {name: set() for name in calls}
    for name, each in catalog.execute("SELECT proname, provolatile FROM pg_proc WHERE proname = ANY (%s)", [calls]):
        found[name].add(each)
    assert all(found.values()), found
    return found


def test_no_function_that_a_statement_calls_is_volatile(catalog: psycopg.Connection[Any]) -> None:
    """A volatile one cannot be sent to a shard."""
    found = volatilities(catalog, map(parsed, on_request_paths().values()))
    assert "unnest" in found
    assert [name for name, kinds in found.items() if "v" in kinds] == []


def test_every_unique_key_of_a_bots_table_begins_with_bot_id(
    catalog: psycopg.Connection[Any], tables: set[str]
) -> None:
    keys = catalog.execute("""
        SELECT pg_class.relname, pg_attribute.attname FROM pg_index
        JOIN pg_class ON pg_class.oid = pg_index.indrelid AND pg_class.relnamespace = 'public'::regnamespace
        LEFT JOIN pg_attribute ON pg_attribute.attrelid = pg_index.indrelid AND pg_attribute.attnum = pg_index.indkey[0]
        WHERE pg_index.indisunique OR pg_index.indisexclusion""").fetchall()
    assert {table for table, _ in keys} == tables | OF_THE_INSTALLATION, "every table has a key"
    assert {column for table, column in keys if table in tables} == {KEY}


def test_bot_id_is_the_same_kind_of_column_everywhere(catalog: psycopg.Connection[Any], tables: set[str]) -> None:
    """Tables are co-located by the type and collation of the column."""
    kinds = catalog.execute("""
        SELECT pg_class.relname, format_type(atttypid, atttypmod), collname, attnotnull FROM pg_attribute
        JOIN pg_class ON pg_class.oid = attrelid AND relkind = 'r' AND relnamespace = 'public'::regnamespace
        JOIN pg_collation ON pg_collation.oid = attcollation WHERE attname = 'bot_id'""").fetchall()
    assert {table for table, *_ in kinds} - OF_THE_INSTALLATION == tables
    assert {tuple(kind) for _, *kind in kinds} == {("text", "C", True)}


@pytest.mark.parametrize(
    "query",
    [
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
        "SELECT conname FROM pg_constraint WHERE contype NOT IN ('c', 'n', 'p', 'u')",
        "SELECT relname FROM pg_class WHERE relkind NOT IN ('r', 'i', 't') AND relnamespace = 'public'::regnamespace",
        "SELECT attname FROM pg_attribute WHERE attidentity <> '' OR attgenerated <> ''",
        """SELECT adbin FROM pg_attrdef JOIN pg_class ON pg_class.oid = adrelid
           WHERE relnamespace = 'public'::regnamespace""",
        """SELECT rulename FROM pg_rewrite JOIN pg_class ON pg_class.oid = ev_class
           WHERE relnamespace = 'public'::regnamespace""",
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
        "SELECT polname FROM pg_policy",
        "SELECT inhrelid::regclass FROM pg_inherits",
    ],
    ids=["triggers", "foreign keys", "sequences and views", "identities", "defaults", "rules", "functions", "policies",
         "partitions"],
)  # fmt: skip
def test_nothing_is_there_that_could_reach_across(query: str, catalog: psycopg.Connection[Any]) -> None:
    assert catalog.execute(query).fetchall() == []


def test_checks_ask_only_what_never_changes(catalog: psycopg.Connection[Any]) -> None:
    checks = catalog.execute("""
        SELECT pg_get_constraintdef(oid) FROM pg_constraint
        WHERE contype = 'c' AND connamespace = 'public'::regnamespace""").fetchall()
    trees = [tree for (text,) in checks for tree in pglast.parse_sql(f"ALTER TABLE clients ADD {text}")]
    assert len(trees) > 10
    assert volatilities(catalog, trees).keys() == {"length"}
    assert catalog.execute("SELECT provolatile FROM pg_proc WHERE oid = 'length(bytea)'::regprocedure").fetchone() == (
        "i",
    )
    nodes = [node for tree in trees for node in walk(tree)]
    assert not any(isinstance(node, ast.SubLink | ast.SQLValueFunction) for node in nodes)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What the driver is told to send, from now on."""
    texts: list[bytes] = []
    execute: Callable[..., Any] = psycopg.Cursor.execute

    def noted(cursor: psycopg.Cursor[Any], query: str | bytes, *arguments: Any, **options: Any) -> Any:
        texts.append(query.encode() if isinstance(query, str) else query)
        return execute(cursor, query, *arguments, **options)

    class Noted(Pipeline):
        def send(self, statement: Numbered, values: Mapping[str, object]) -> None:
            texts.append(statement.text)
            super().send(statement, values)

    monkeypatch.setattr(psycopg.Cursor, "execute", noted)
    monkeypatch.setattr(postgresql, "Pipeline", Noted)
    return texts


@pytest.fixture
def installation(settings: Settings, clock: ManualClock) -> Iterator[Installation]:
    opened = open_installation(settings, clock)
    yield opened
    opened.close()


def test_requests_send_nothing_else(
    installation: Installation,
    settings: Settings,
    serve: Callable[[Installation, Settings], Api],
    clock: ManualClock,
    sent: list[bytes],
) -> None:
    named = {numbered(name, text).text: name for name, text in on_request_paths().items()}
    named |= {each.text: name for name, each in by_name().items()}
    ours = (postgresql.READ, postgresql.WRITE, postgresql.COMMIT, postgresql._SESSION, postgresql.NOT_FOR_EVER)
    control = {each.text for each in ours} | {b"ROLLBACK"}
    shop, rival = open_shop(installation, "teaShop01"), open_shop(installation, "rivalShop")
    api = serve(installation, settings)
    sent.clear()
    called = call_everything(api, shop, clock)
    assert called == {route.path for route in API}, "a call is missing in tests/storage/every_call.py"
    operate(shop, clock)
    unnamed = set(sent) - named.keys() - control
    assert unnamed == set()
    seen = {named[text] for text in sent if text in named}
    assert {"entry_add", "account_save", "operation_add", "callers_find_of_1", "holds_ended", "orphans"} <= seen
    assert seen <= on_request_paths().keys()
    clock.time = START
    assert call_everything(api, rival, clock) == called, "the other bot had none of it"
