"""Limits that several processes share, from whomever they lease."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from remora.web.lessor import LEASES
from remora.web.rate_limit import BOT, FAILED_AUTH
from tests.web.hammer import hammer
from tests.web.processes import FileWorld, RedisWorld, World, keys

PATIENCE_SECONDS = 5
"""Many times what a limiter may make a request wait; whatever takes longer hangs."""

PROCESSES = 4
HOUR = 3600


class Make(Protocol):
    def __call__(self, rate: str, processes: int = 1, /) -> World: ...


@pytest.fixture(params=["redis", "file"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where to lease from: the URL of a Redis, or a path."""
    if request.param == "file":
        return str(tmp_path / "limits")
    url: str = request.getfixturevalue("redis")
    return url


@pytest.fixture
def make(place: str) -> Make:
    """Makes worlds that are the test's to close."""
    return lambda rate, processes=1: (
        RedisWorld(place, rate, processes) if "://" in place else FileWorld(Path(place), rate, processes)
    )


@pytest.fixture
def world(make: Make) -> Iterator[Make]:
    with contextlib.ExitStack() as stack:
        yield lambda rate, processes=1: stack.enter_context(contextlib.closing(make(rate, processes)))


# Each example has keys of its own.
@effort(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), limit=st.integers(1, 300))
def test_all_processes_together_admit_the_limit_of_a_window_less_what_idle_ones_hold_and_never_more(
    make: Make, data: st.DataObject, limit: int
) -> None:
    burst = st.tuples(st.integers(0, PROCESSES - 1), st.integers(1, 100))
    steps = data.draw(st.lists(burst | st.floats(0, 1.5 * HOUR), max_size=12))
    with contextlib.closing(make(f"{limit}/hour", PROCESSES)) as world:
        admitted = 0
        for step in steps:
            if isinstance(step, float):
                world.pass_time(step)
                admitted = admitted if world.has_window() else 0
            else:
                process, requests = step
                admitted += world.requests(requests, process)
            assert admitted <= limit
        admitted += world.requests(limit + 1)
        assert limit - (PROCESSES - 1) * max(1, limit // LEASES) <= admitted <= limit


def test_real_processes_at_the_same_time_admit_the_limit_exactly(place: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    start, admitted, key = spawn.Barrier(PROCESSES), spawn.Queue(), next(keys)
    processes = [
        spawn.Process(target=hammer, args=(place, key, 20_000, start, admitted), daemon=True) for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    assert sum(admitted.get(timeout=60) for _ in processes) == 20_000
    for process in processes:
        process.join()


def test_the_bots_and_the_policies_are_counted_apart(world: Make) -> None:
    shared = world("1/hour")
    assert shared.requests(2) == 1
    shared.alone.ask(FAILED_AUTH, shared.key)
    assert shared.alone.take(FAILED_AUTH, shared.key)[1]
    shared.key = next(keys)
    assert shared.request()


def test_another_limit_counts_from_the_start(world: Make) -> None:
    before, after = world("2/hour"), world("3/hour")
    after.key = before.key
    assert before.requests(3) == 2
    assert after.requests(4) == 3


def test_a_window_starts_with_its_first_request_and_ends_for_all_at_once(world: Make) -> None:
    shared = world("2/hour", 2)
    shared.pass_time(HOUR / 2)
    assert [shared.request(0), shared.request(1), shared.request(0)] == [True, True, False]
    shared.pass_time(HOUR - 1)
    assert not shared.request(1)
    shared.pass_time(1)
    assert [shared.request(1), shared.request(0), shared.request(1)] == [True, True, False]


def test_who_comes_late_to_a_window_leaves_it_with_the_others(world: Make) -> None:
    shared = world("64/hour", 2)
    assert shared.request(0)
    shared.pass_time(HOUR - 10)
    assert shared.requests(3, 1) == 3  # and more are held
    assert 0 < shared.limiters[1].look(BOT, shared.key).reset_seconds <= 10
    shared.pass_time(10)
    assert shared.requests(100, 0) == 64
    assert not shared.request(1)


def test_the_time_that_asking_took_is_not_added_to_the_window(world: Make) -> None:
    shared = world("64/hour")
    ticks = count(step=100)
    shared.alone._seconds = lambda: float(next(ticks))
    shared.alone.ask(BOT, shared.key)
    assert shared.alone.look(BOT, shared.key).reset_seconds <= HOUR - 2 * 100  # once to note the answer, once to look


def test_a_lease_is_void_when_its_window_ends(world: Make) -> None:
    shared = world("64/hour", 2)
    assert shared.requests(2, 0) == 2  # and two more are held
    shared.pass_time(HOUR)
    assert shared.requests(100, 1) == 64
    assert not shared.request(0)


def test_a_request_let_in_before_its_window_ends_is_counted_in_it(world: Make) -> None:
    shared = world("64/hour")
    assert shared.request()
    shared.alone.ask(BOT, shared.key)
    shared.pass_time(HOUR)
    assert shared.alone.take(BOT, shared.key)[1]


def test_an_answer_that_comes_after_its_window_still_lets_in_who_waited_for_it(world: Make) -> None:
    shared = world("5/second")
    ticks = count(step=10)
    shared.alone._seconds = lambda: float(next(ticks))

    async def request() -> bool:
        await asyncio.wait_for(shared.alone.ready(BOT, shared.key), PATIENCE_SECONDS)
        return shared.alone.take(BOT, shared.key)[1]

    assert asyncio.run(request())


def test_what_is_left_is_what_is_held_and_what_others_may_still_lease(world: Make) -> None:
    shared = world("64/hour", 2)
    assert (shared.remaining(0), shared.limiters[0].look(BOT, shared.key).reset_seconds) == (64, 0)
    shared.requests(3, 0)
    assert (shared.remaining(0), shared.limiters[0].look(BOT, shared.key).reset_seconds) == (61, HOUR)
    assert shared.remaining(1) == 64  # it has not asked
    shared.request(1)
    assert shared.remaining(1) == 58  # five are the other's, of which it has used three
