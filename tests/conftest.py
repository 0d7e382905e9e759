"""Databases of each store, made once and copied per test, and one real server for each test's own application."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import httpx
import pytest
import structlog
import uvicorn
from starlette.types import Receive, Scope, Send

from remora import settings as environment
from remora.service.installation import Installation, open_installation
from remora.settings import DatabaseUrl, Settings
from remora.web import server
from remora.web.app import Application
from tests.backdoor import BackDoor
from tests.cast import Api, ManualClock, Shop, open_shop
from tests.servers.databases import Databases
from tests.servers.postgresql import PostgresServer
from tests.shell import Shell
from tests.stores import PostgresStore, SqliteStore, Store, back_door_of, settings_of, text_of

pytest_plugins = ["tests.servers.fixtures"]


@pytest.fixture(scope="session", autouse=True)
def _quiet() -> None:
    """Keep thousands of request lines out of the reports; a test that is about them captures them."""

    def drop(*_: object) -> NoReturn:
        raise structlog.DropEvent

    structlog.configure(processors=[drop])


@pytest.fixture(scope="session")
def sqlite_store(tmp_path_factory: pytest.TempPathFactory) -> SqliteStore:
    return SqliteStore(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgresql_store(postgres: Databases) -> PostgresStore:
    return PostgresStore(postgres)


@pytest.fixture(scope="session")
def _mortal_store(_durable_postgres: PostgresServer) -> PostgresStore:
    _durable_postgres.revive()
    return PostgresStore(_durable_postgres.databases)


@pytest.fixture
def mortal_store(mortal_postgres: PostgresServer, _mortal_store: PostgresStore) -> PostgresStore:
    """Databases of a durable server that may be killed. It runs when the test begins."""
    assert mortal_postgres.databases
    return _mortal_store


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Store:
    """Each store in turn: whatever opens an installation does so on both. A server starts only where it is needed."""
    asked: Store = request.getfixturevalue(f"{request.param}_store")
    return asked


@pytest.fixture
def settings(store: Store) -> Iterator[Settings]:
    url = store.migrated()
    yield settings_of(url)
    store.drop(url)


@pytest.fixture
def empty(store: Store) -> Iterator[DatabaseUrl]:
    """A place for a database, without any of our tables."""
    url = store.empty()
    yield url
    store.drop(url)


@pytest.fixture
def back_door(settings: Settings) -> BackDoor:
    """A way to the test's database past all of our code."""
    return back_door_of(settings.database)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def installation(settings: Settings, clock: ManualClock) -> Iterator[Installation]:
    opened = open_installation(settings, clock)
    yield opened
    opened.close()


@pytest.fixture
def shop(installation: Installation) -> Shop:
    """The shop that most tests are about."""
    return open_shop(installation, "teaShop01")


@pytest.fixture
def rival(installation: Installation) -> Shop:
    """Another shop of the same installation, whose data is none of the first one's business."""
    return open_shop(installation, "rivalShop")


class Switchboard:
    """The ASGI application of the one server: it hands each request to the test's own."""

    def __init__(self) -> None:
        self.application: Application | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.application is not None, "a test that calls the server asks for `api`"
        await self.application(scope, receive, send)


@pytest.fixture(scope="session")
def switchboard() -> Iterator[tuple[Switchboard, str]]:
    """The server that `remora serve` starts, in a thread, and its URL."""
    board = Switchboard()
    listener = server.listen("127.0.0.1", 0)
    running = uvicorn.Server(server.config(board, environment.load({})))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    yield board, server.base_url(listener)
    running.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture
def serve(
    switchboard: tuple[Switchboard, str],
    installation: Installation,  # noqa: ARG001 (what it has open is closed after the application, as a server does)
) -> Iterator[Callable[[Installation, Settings], Api]]:
    """Put an application of one's own behind the server."""
    board, url = switchboard
    opened: list[httpx.Client] = []

    def stop() -> None:
        if board.application is not None:
            board.application.close()
        board.application = None

    def start(installation: Installation, settings: Settings) -> Api:
        stop()
        board.application = Application(installation, settings)
        opened.append(httpx.Client(base_url=url))
        return Api(opened[-1])

    yield start
    for client in opened:
        client.close()
    stop()


@pytest.fixture
def api(serve: Callable[[Installation, Settings], Api], installation: Installation, settings: Settings) -> Api:
    """The API with the default settings."""
    return serve(installation, settings)


@pytest.fixture
def new_shell(tmp_path: Path) -> Shell:
    """A shell in an empty data folder."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("REMORA_")}
    return Shell({**inherited, "REMORA_DATA_DIR": str(tmp_path / "data"), "COLUMNS": "100"})


@pytest.fixture
def shell(new_shell: Shell, settings: Settings) -> Shell:
    """A shell with a migrated database, on each store."""
    return Shell({**new_shell.environment, "REMORA_DATABASE_URL": text_of(settings.database)})
