"""Processes of their own on one database, by a real clock: they share none that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from remora.clock import SystemClock
from tests.cast import SIGNING_KEY
from tests.crash.crew import Crew, StartCrew
from tests.crash.server import Server, Start
from tests.shell import Shell
from tests.stores import PATIENCE_SECONDS


@pytest.fixture
def clock() -> SystemClock:
    return SystemClock()


@pytest.fixture
def shell(shell: Shell) -> Shell:
    """A shell on the test's own database; its limit on the rate is beyond what a test sends."""
    return Shell(
        {
            **shell.environment,
            "REMORA_SIGNING_KEY": SIGNING_KEY.reveal(),
            "REMORA_RATE_LIMIT": "1000000/minute",
            "REMORA_DATABASE_TIMEOUT": str(PATIENCE_SECONDS),
        }
    )


@pytest.fixture
def start(shell: Shell) -> Iterator[Start]:
    """Start `remora serve` on a free port. Whatever was started is ended after the test."""
    started: list[Server] = []

    def start_one(**variables: str) -> Server:
        started.append(Server({**shell.environment, **variables}))
        return started[-1]

    yield start_one
    for server in started:
        server.end()


@pytest.fixture
def start_crew(tmp_path: Path) -> Iterator[StartCrew]:
    """Start a supervisor with workers that are watched in the test's folder. All are ended after the test."""
    started: list[Crew] = []

    def start_one(workers: int, **more: Any) -> Crew:
        started.append(Crew(tmp_path, workers, **more))
        return started[-1]

    yield start_one
    for crew in started:
        crew.end()
