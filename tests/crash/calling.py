"""Calling workers of a crew, and seeing which of them are there."""

from __future__ import annotations

import os
import socket
from concurrent.futures import Future, ThreadPoolExecutor

from tests.crash.crew import SECONDS, Crew
from tests.eventually import until


def who_answers(crew: Crew, count: int) -> set[int]:
    """The pids of so many that answer."""
    found: set[int] = set()

    def enough() -> bool:
        found.add(crew.call("now", "who"))
        return len(found) == count

    until(enough)
    return found


def hold(crew: Crew, pool: ThreadPoolExecutor, count: int) -> list[Future[int]]:
    """Calls that workers have begun to answer, and go on to answer until they are let go."""
    names = [f"held-{number}" for number in range(count)]
    calls = [pool.submit(crew.call, "held", name) for name in names]
    until(lambda: set(names) <= set(crew.begun()))
    return calls


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def takes_connections(crew: Crew) -> bool:
    try:
        socket.create_connection(("127.0.0.1", crew.port), timeout=SECONDS).close()
    except ConnectionError:
        return False
    return True
