"""Limits that several processes share through Redis. See also test_rate_limit_shared.py."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from structlog.testing import capture_logs
from structlog.types import EventDict

from remora.web.lessor import LEASES
from remora.web.outage import PAUSE_SECONDS, QUIET_SECONDS
from remora.web.rate_limit import BOT
from tests.servers.redis import RedisServer
from tests.web.processes import RedisWorld, keys

PATIENCE_SECONDS = 5
"""Many times what a limiter may make a request wait; whatever takes longer hangs."""

HOUR = 3600
PASSWORD = "hunter2"


@pytest.fixture
def guarded_redis(mortal_redis: RedisServer) -> Iterator[RedisServer]:
    """A server whose users and settings the test may change; they go with it."""
    yield mortal_redis
    mortal_redis.kill()


@pytest.fixture
def world(redis: str) -> Iterator[Callable[..., RedisWorld]]:
    with contextlib.ExitStack() as stack:

        def make(rate: str, processes: int = 1, url: str = redis) -> RedisWorld:
            made = RedisWorld(url, rate, processes)
            stack.callback(made.close)
            return made

        yield make


def away(lines: list[EventDict]) -> list[EventDict]:
    return [line for line in lines if line["event"] == "limiter-away"]


def test_requests_at_the_same_time_get_what_there_is_and_one_asks_for_all(
    world: Callable[..., RedisWorld], mortal_redis: RedisServer
) -> None:
    shared = world("100/hour", 1, mortal_redis.url)
    before = shared.trips()

    async def request() -> bool:
        await shared.alone.ready(BOT, shared.key)
        return shared.alone.take(BOT, shared.key)[1]

    async def crowd() -> list[bool]:
        return await asyncio.gather(*(request() for _ in range(150)))

    assert sum(asyncio.run(crowd())) == 100
    assert shared.trips() - before == len(leases(100))


def leases(limit: int) -> list[int]:
    """What a process that serves alone leases in a window, as decision 0013 has it."""
    made: list[int] = []
    while (left := limit - sum(made)) > 0:
        made.append(max(1, min(left, limit // LEASES)) if made else 1)
    return made


def test_a_window_whose_end_was_taken_away_gets_one(world: Callable[..., RedisWorld]) -> None:
    shared = world("2/hour")
    shared.request()
    shared.redis.persist(shared.names()[0])
    shared.request()
    assert shared.redis.ttl(shared.names()[0]) in range(HOUR - 60, HOUR + 1)


# What it costs


def test_a_window_costs_few_round_trips_and_a_flood_over_the_limit_none(
    world: Callable[..., RedisWorld], mortal_redis: RedisServer
) -> None:
    shared = world("600/hour", 1, mortal_redis.url)
    before = shared.trips()
    assert shared.requests(600) == 600
    spent = shared.trips() - before
    assert spent == len(leases(600)) < 20
    assert shared.requests(1_000) == 0
    assert shared.trips() - before == spent


def test_looking_and_taking_ask_nobody(world: Callable[..., RedisWorld], mortal_redis: RedisServer) -> None:
    shared = world("600/hour", 1, mortal_redis.url)
    before = shared.trips()
    shared.remaining()
    assert not shared.alone.take(BOT, shared.key)[1], "who has not asked has no permit"
    assert shared.trips() == before


# When Redis is away


def test_a_dead_redis_leaves_each_process_to_its_own_count(
    world: Callable[..., RedisWorld], mortal_redis: RedisServer
) -> None:
    shared = world("32/hour", 2, mortal_redis.url)
    assert shared.requests(2, 0) == 2  # and one more is held
    mortal_redis.kill()
    assert shared.requests(100, 0) == 1 + 32
    assert shared.requests(100, 1) == 32
    assert [limiter.alone for limiter in shared.limiters] == [99, 100]
    assert [limiter.failures for limiter in shared.limiters] == [1, 1]
    assert shared.remaining(1) == 0


def test_a_window_that_was_used_up_stays_so_without_redis(
    world: Callable[..., RedisWorld], mortal_redis: RedisServer
) -> None:
    shared = world("3/hour", 1, mortal_redis.url)
    assert shared.requests(4) == 3
    mortal_redis.kill()
    assert not shared.request()


def test_leases_are_made_again_once_redis_is_back(world: Callable[..., RedisWorld], mortal_redis: RedisServer) -> None:
    shared = world("2/hour", 2, mortal_redis.url)
    mortal_redis.kill()
    assert shared.request(0)
    mortal_redis.start()
    assert not shared.limiters[0].needs_ask(BOT, shared.key), "nobody asks for about a second"
    shared.seconds.time += 2 * PAUSE_SECONDS
    assert [shared.request(0), shared.request(1), shared.request(0)] == [True, True, False]
    assert [limiter.failures for limiter in shared.limiters] == [1, 0]
    within = shared.limiters[0].take(BOT, next(keys))[1]
    assert (within, shared.limiters[0].alone) == (False, 1), "nobody counts alone any more"


def test_a_redis_that_forgot_its_windows_starts_them_anew(
    world: Callable[..., RedisWorld], mortal_redis: RedisServer
) -> None:
    shared = world("32/hour", 1, mortal_redis.url)
    assert shared.requests(3) == 3
    mortal_redis.kill()
    mortal_redis.start()
    assert shared.requests(100) == 32
    assert shared.alone.failures == 0, "a connection that has ended is made again"


def test_no_more_than_the_limit_is_leased_to_a_process_that_used_more_before_redis_forgot(
    world: Callable[..., RedisWorld],
) -> None:
    shared = world("600/hour")
    shared.requests(500)
    shared.redis.delete(*shared.names())
    shared.requests(1_000)
    assert shared.redis.get(shared.names()[0]) == b"600"


def test_one_in_a_second_waits_for_a_redis_that_does_not_answer_and_not_long(
    world: Callable[..., RedisWorld], mortal_redis: RedisServer
) -> None:
    shared = world("100/hour", 1, mortal_redis.url)
    mortal_redis.pause()
    started = time.monotonic()
    assert shared.requests(50) == 50
    assert time.monotonic() - started < PATIENCE_SECONDS
    assert shared.alone.failures == 1
    shared.seconds.time += 2 * PAUSE_SECONDS
    assert shared.requests(50) == 50
    assert shared.alone.failures == 2
    mortal_redis.resume()


def test_while_one_tries_again_the_others_do_not_wait(
    world: Callable[..., RedisWorld], mortal_redis: RedisServer
) -> None:
    shared = world("100/hour", 1, mortal_redis.url)
    mortal_redis.pause()
    shared.request()
    shared.seconds.time += 2 * PAUSE_SECONDS

    async def crowd() -> None:
        await asyncio.gather(*(shared.alone.ready(BOT, next(keys)) for _ in range(50)))

    started = time.monotonic()
    asyncio.run(crowd())
    assert time.monotonic() - started < PATIENCE_SECONDS
    assert shared.alone.failures == 2
    mortal_redis.resume()


def test_an_outage_is_told_once_a_minute(world: Callable[..., RedisWorld], mortal_redis: RedisServer) -> None:
    shared = world("100/hour", 1, mortal_redis.url)
    mortal_redis.kill()
    with capture_logs() as lines:
        tries = int(QUIET_SECONDS / 2)
        for _ in range(tries):
            shared.request()
            shared.seconds.time += 2
        assert shared.alone.failures == tries
        [told] = away(lines)
        assert told["log_level"] == "warning"
        assert told["place"] == f"127.0.0.1:{mortal_redis.port}"
        assert (told["problem"], told["failures"]) == ("ConnectionRefusedError", 1)
        shared.request()
        assert [line["failures"] for line in away(lines)] == [1, tries + 1]


def wrong_password(redis: Redis) -> None:
    redis.config_set("requirepass", "another")


def forbidden_command(redis: Redis) -> None:
    redis.acl_setuser("default", enabled=True, commands=["-evalsha"])


def replica(redis: Redis) -> None:
    redis.replicaof("127.0.0.1", "1")


def out_of_memory(redis: Redis) -> None:
    redis.config_set("maxmemory", 1)


@pytest.mark.parametrize(
    ("trouble", "problem"),
    [
        (wrong_password, "AuthenticationError"),
        (forbidden_command, "NoPermissionError"),
        (replica, "READONLY"),
        (out_of_memory, "OOM"),
    ],
)
def test_a_redis_that_refuses_is_away_and_no_password_is_told(
    world: Callable[..., RedisWorld], guarded_redis: RedisServer, trouble: Callable[[Redis], None], problem: str
) -> None:
    url = guarded_redis.url.replace("//", f"//:{PASSWORD}@")
    with Redis.from_url(guarded_redis.url) as operator:
        operator.config_set("requirepass", PASSWORD)
    with Redis.from_url(url) as operator:
        trouble(operator)
    shared = world("100/hour", 1, url)
    with capture_logs() as lines:
        assert shared.request()
    assert (shared.alone.failures, shared.alone.alone) == (1, 1)
    [told] = away(lines)
    assert told["problem"] == problem
    assert PASSWORD not in f"{lines} {shared.alone!r} {vars(shared.alone)} {vars(shared.alone._lessor)}"


def test_the_rights_that_the_documentation_names_are_enough(
    world: Callable[..., RedisWorld], guarded_redis: RedisServer
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations" / "running.md").read_text()
    [sentence] = re.findall(r"needs the commands (.*) on keys that start with `(.*)`\.", page)
    commands = [f"+{command.lower().replace(' ', '|')}" for command in re.findall("`(.*?)`", sentence[0])]
    with Redis.from_url(guarded_redis.url) as operator:
        operator.acl_setuser(
            "remora", enabled=True, passwords=[f"+{PASSWORD}"], keys=[f"{sentence[1]}*"], commands=commands
        )
        shared = world("100/hour", 1, guarded_redis.url.replace("//", f"//remora:{PASSWORD}@"))
        limiter = shared.alone
        limiter.ask(BOT, shared.key)
        assert (limiter.failures, limiter.take(BOT, shared.key)[1]) == (0, True)
