"""Processes of their own on one database file, by a real clock: they share none that stands still."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from remora.clock import SystemClock
from remora.settings import Settings
from tests.cast import SIGNING_KEY, file_of
from tests.crash.server import Server, Start
from tests.shell import Shell


@pytest.fixture
def clock() -> SystemClock:
    return SystemClock()


@pytest.fixture
def shell(settings: Settings) -> Shell:
    """A shell on the test's own database; its limit on the rate is beyond what a test sends."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("REMORA_")}
    return Shell(
        {
            **inherited,
            "REMORA_DATABASE_URL": f"sqlite:///{file_of(settings)}",
            "REMORA_SIGNING_KEY": SIGNING_KEY.reveal(),
            "REMORA_RATE_LIMIT": "1000000/minute",
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
