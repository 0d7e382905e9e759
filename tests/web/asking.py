"""A reader of an event loop that runs, for tests to ask: of PostgreSQL itself, and of a pooler before it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
import pytest
from msgspec.structs import replace

from remora.service.installation import Installation, open_installation
from remora.service.lookup import Answer, Question, Wanted
from remora.settings import PostgresUrl, Secret, Settings
from remora.storage.database import PoolState
from remora.web.reader import Reader
from tests.backdoor import BackDoor
from tests.cast import ManualClock
from tests.eventually import SECONDS, until
from tests.servers.pgbouncer import PgBouncer
from tests.storage.on_postgresql import OTHERS
from tests.stores import PostgresStore, settings_of, text_of

IMPATIENT_SECONDS = 1

WAITING = f"SELECT pid {OTHERS} AND wait_event_type = 'Lock'"


@pytest.fixture(scope="module", params=["direct", "pooled"])
def through(request: pytest.FixtureRequest) -> PgBouncer | None:
    """PostgreSQL itself, or a pooler before it."""
    return request.getfixturevalue("pgbouncer") if request.param == "pooled" else None


@pytest.fixture(scope="module")
def store(postgresql_store: PostgresStore) -> PostgresStore:
    return postgresql_store


@pytest.fixture
def url(settings: Settings, through: PgBouncer | None) -> PostgresUrl:
    direct = text_of(settings.database)
    return PostgresUrl(Secret(direct if through is None else through.url(direct)))


@dataclass
class Noted:
    """What was asked together: how many ids, and who sent them."""

    depth: int = 0
    batches: list[tuple[int, list[object]]] = field(default_factory=list)

    def waiting(self, weight: int) -> None:
        self.depth = weight

    def done(self, weight: int, seconds: float, senders: Sequence[object]) -> None:
        assert seconds > 0
        self.batches.append((weight, list(senders)))


@dataclass
class Asking:
    """A reader of the loop that runs, and short ways to ask it."""

    reader: Reader
    noted: Noted
    installation: Installation

    def ask(self, bot_id: str, *client_ids: str, sender: object = None) -> asyncio.Future[Answer]:
        return self.reader.answer_of(bot_id, Question("", Wanted(client_ids)), sender)

    async def all_of(self, *answers: Awaitable[Answer]) -> list[Answer | BaseException]:
        return await asyncio.wait_for(asyncio.gather(*answers, return_exceptions=True), SECONDS)

    async def close(self) -> None:
        await asyncio.wait_for(asyncio.to_thread(self.reader.close), SECONDS)

    def pool(self) -> PoolState:
        state = self.installation.database.pool_state()
        assert state is not None
        return state


Talk = Callable[[Asking], Awaitable[None]]
Run = Callable[[Talk], None]


@contextmanager
def running(
    installation: Installation, *, timeout_seconds: int = SECONDS, most_waiting: int = 1_000_000
) -> Iterator[Run]:
    threads = ThreadPoolExecutor(2)

    async def talk_to(talk: Talk) -> None:
        noted = Noted()
        reader = Reader(
            asyncio.get_running_loop(),
            installation,
            threads,
            timeout_seconds=timeout_seconds,
            patience_seconds=3 * timeout_seconds,
            most_waiting=most_waiting,
            watches=[noted],
        )
        asking = Asking(reader, noted, installation)
        try:
            await talk(asking)
        finally:
            await asking.close()
        assert asking.noted.depth == 0

    yield lambda talk: asyncio.run(talk_to(talk))
    threads.shutdown()


@contextmanager
def serving(
    url: PostgresUrl, clock: ManualClock, *, timeout_seconds: int = SECONDS, pool_size: int = 8
) -> Iterator[Installation]:
    """An installation as a server opens it."""
    opened = open_installation(
        replace(settings_of(url), database_timeout_seconds=timeout_seconds, pool_size=pool_size), clock, serving=True
    )
    yield opened
    opened.close()


@pytest.fixture
def far(url: PostgresUrl, clock: ManualClock) -> Iterator[Installation]:
    with serving(url, clock) as installation:
        yield installation


@pytest.fixture
def run(far: Installation) -> Iterator[Run]:
    with running(far) as run:
        yield run


def points(answers: Sequence[Answer | BaseException]) -> list[list[int]]:
    """What each was answered."""
    found = []
    for answer in answers:
        assert isinstance(answer, Answer), answer
        found.append([row[2] for row in answer.found.clients])
    return found


@contextmanager
def held(back_door: BackDoor) -> Iterator[None]:
    """Nobody is answered about a client."""
    with psycopg.connect(back_door._url) as connection:  # type: ignore[attr-defined]  # PostgreSQL's has one
        connection.execute("LOCK TABLE clients")
        yield


async def eventually(holds: Callable[[], bool]) -> None:
    await asyncio.to_thread(until, holds)


@pytest.fixture
def mortal(mortal_store: PostgresStore, clock: ManualClock) -> Iterator[Installation]:
    url = mortal_store.migrated()
    with serving(url, clock, timeout_seconds=IMPATIENT_SECONDS) as installation:
        yield installation
    mortal_store.drop(url)
