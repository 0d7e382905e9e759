"""A database made once and copied per test, and one real server that serves each test's own application."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import httpx
import pytest
import structlog
import uvicorn
from msgspec.structs import replace
from starlette.types import Receive, Scope, Send

from remora import settings as environment
from remora.service.installation import Installation, migrate, open_installation
from remora.settings import Settings, SqliteUrl
from remora.storage import installation as values
from remora.storage.sqlite import SqliteDatabase
from remora.web import server
from remora.web.app import Application
from tests.cast import SIGNING_KEY, Api, ManualClock, Shop, open_shop
from tests.shell import Shell

pytest_plugins = ["tests.servers.fixtures"]


@pytest.fixture(scope="session", autouse=True)
def _quiet() -> None:
    """Keep thousands of request lines out of the reports; a test that is about them captures them."""

    def drop(*_: object) -> NoReturn:
        raise structlog.DropEvent

    structlog.configure(processors=[drop])


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file, with a salt of its own, so that encoded ids are the same in every run."""
    path = tmp_path_factory.mktemp("template") / "remora.db"
    settings = replace(environment.load({}), database=SqliteUrl(path), signing_key=SIGNING_KEY)
    migrate(settings, ManualClock())
    database = SqliteDatabase(path)
    with database.write() as tx:
        values.keep(tx, "id_salt", "the salt of the tests")
    database.close()
    return path


@pytest.fixture
def settings(template: Path, tmp_path: Path) -> Settings:
    path = tmp_path / "remora.db"
    shutil.copy(template, path)
    return replace(environment.load({}), database=SqliteUrl(path), signing_key=SIGNING_KEY)


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
def serve(switchboard: tuple[Switchboard, str]) -> Iterator[Callable[[Installation, Settings], Api]]:
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
def shell(new_shell: Shell) -> Shell:
    """A shell with a migrated database."""
    new_shell.ok("migrate")
    return new_shell
