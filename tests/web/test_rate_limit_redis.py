"""Limits that several processes share through Redis."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import re
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from msgspec.structs import replace
from redis import Redis
from structlog.testing import capture_logs
from structlog.types import EventDict

from remora.service.installation import Installation
from remora.settings import Secret, Settings
from remora.settings import rate as parse_rate
from remora.web.lessor import LEASES
from remora.web.outage import PAUSE_SECONDS, QUIET_SECONDS
from remora.web.rate_limit import BOT, FAILED_AUTH
from remora.web.shared_limiter import SharedLimiter
from tests.cast import POINT, Api, Shop, refused
from tests.servers.redis import RedisServer
from tests.web.hammer import hammer

PATIENCE_SECONDS = 5
"""Many times what a limiter may make a request wait; whatever takes longer hangs."""

PROCESSES = 4
HOUR = 3600
PASSWORD = "hunter2"

Serve = Callable[[Installation, Settings], Api]

keys = (f"key{number}" for number in count())


@pytest.fixture
def guarded_redis(mortal_redis: RedisServer) -> Iterator[RedisServer]:
    """A server whose users and settings the test may change; they go with it."""
    yield mortal_redis
    mortal_redis.kill()


class Seconds:
    """A process's clock, which stands still until it is moved."""

    def __init__(self) -> None:
        self.time = 1_000.0

    def __call__(self) -> float:
        return self.time


class World:
    """Several processes, one Redis and the time, which passes for all of them at once."""

    def __init__(self, url: str, rate: str, processes: int = 1) -> None:
        self.seconds = Seconds()
        self.redis = Redis.from_url(url)
        rates = {BOT: parse_rate(rate), FAILED_AUTH: parse_rate(rate)}
        self.limiters = [SharedLimiter(Secret(url), rates, self.seconds) for _ in range(processes)]
        self.key = next(keys)

    @property
    def alone(self) -> SharedLimiter:
        [limiter] = self.limiters
        return limiter

    def request(self, process: int = 0) -> bool:
        """Whether a request that comes to this process is within the limit."""
        limiter = self.limiters[process]
        limiter.ask(BOT, self.key)
        # Whatever was answered tells enough, unless no time was left of the window: then there is a new one now.
        if limiter.needs_ask(BOT, self.key):
            limiter.ask(BOT, self.key)
        assert not limiter.needs_ask(BOT, self.key)
        return limiter.take(BOT, self.key)[1]

    def requests(self, number: int, process: int = 0) -> int:
        """How many of so many requests are within the limit."""
        return sum(self.request(process) for _ in range(number))

    def remaining(self, process: int = 0) -> int:
        return self.limiters[process].look(BOT, self.key).remaining

    def pass_time(self, seconds: float) -> None:
        """Move the clocks, and what Redis has of time, by so much."""
        self.seconds.time += seconds
        for name in self.names():
            left = int(self.redis.pttl(name)) - int(seconds * 1000)
            _ = self.redis.pexpire(name, left) if left > 0 else self.redis.delete(name)

    def names(self) -> list[bytes]:
        return list(self.redis.scan_iter(f"*:{self.key}"))

    def trips(self) -> int:
        """How often Redis was asked for a lease, by anyone, since it started; it knows the script by then."""
        self.alone.ask(FAILED_AUTH, "whoever")
        return int(self.redis.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"])

    def close(self) -> None:
        self.redis.close()
        for limiter in self.limiters:
            limiter.close()


@pytest.fixture
def world(redis: str) -> Iterator[Callable[..., World]]:
    with contextlib.ExitStack() as stack:

        def make(rate: str, processes: int = 1, url: str = redis) -> World:
            made = World(url, rate, processes)
            stack.callback(made.close)
            return made

        yield make


def away(lines: list[EventDict]) -> list[EventDict]:
    return [line for line in lines if line["event"] == "limiter-away"]


# What the limit is


# Each example has keys of its own.
@effort(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), limit=st.integers(1, 300))
def test_all_processes_together_admit_the_limit_of_a_window_less_what_idle_ones_hold_and_never_more(
    redis: str, data: st.DataObject, limit: int
) -> None:
    burst = st.tuples(st.integers(0, PROCESSES - 1), st.integers(1, 100))
    steps = data.draw(st.lists(burst | st.floats(0, 1.5 * HOUR), max_size=12))
    with contextlib.closing(World(redis, f"{limit}/hour", PROCESSES)) as world:
        admitted = 0
        for step in steps:
            if isinstance(step, float):
                world.pass_time(step)
                admitted = admitted if world.names() else 0
            else:
                process, requests = step
                admitted += world.requests(requests, process)
            assert admitted <= limit
        admitted += world.requests(limit + 1)
        assert limit - (PROCESSES - 1) * max(1, limit // LEASES) <= admitted <= limit


def test_real_processes_at_the_same_time_admit_the_limit_exactly(redis: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    start, admitted, key = spawn.Barrier(PROCESSES), spawn.Queue(), next(keys)
    processes = [
        spawn.Process(target=hammer, args=(redis, key, 20_000, start, admitted), daemon=True) for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    assert sum(admitted.get(timeout=60) for _ in processes) == 20_000
    for process in processes:
        process.join()


def test_requests_at_the_same_time_get_what_there_is_and_one_asks_for_all(
    world: Callable[..., World], mortal_redis: RedisServer
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


def test_the_bots_and_the_policies_are_counted_apart(world: Callable[..., World]) -> None:
    shared = world("1/hour")
    assert shared.requests(2) == 1
    shared.alone.ask(FAILED_AUTH, shared.key)
    assert shared.alone.take(FAILED_AUTH, shared.key)[1]
    shared.key = next(keys)
    assert shared.request()


def test_another_limit_counts_from_the_start(world: Callable[..., World]) -> None:
    before, after = world("2/hour"), world("3/hour")
    after.key = before.key
    assert before.requests(3) == 2
    assert after.requests(4) == 3


def test_a_window_starts_with_its_first_request_and_ends_for_all_at_once(world: Callable[..., World]) -> None:
    shared = world("2/hour", 2)
    shared.pass_time(HOUR / 2)
    assert [shared.request(0), shared.request(1), shared.request(0)] == [True, True, False]
    shared.pass_time(HOUR - 1)
    assert not shared.request(1)
    shared.pass_time(1)
    assert [shared.request(1), shared.request(0), shared.request(1)] == [True, True, False]


def test_who_comes_late_to_a_window_leaves_it_with_the_others(world: Callable[..., World]) -> None:
    shared = world("64/hour", 2)
    assert shared.request(0)
    shared.pass_time(HOUR - 10)
    assert shared.requests(3, 1) == 3  # and more are held
    assert 0 < shared.limiters[1].look(BOT, shared.key).reset_seconds <= 10
    shared.pass_time(10)
    assert shared.requests(100, 0) == 64
    assert not shared.request(1)


def test_the_time_that_asking_took_is_not_added_to_the_window(world: Callable[..., World]) -> None:
    shared = world("64/hour")
    ticks = count(step=100)
    shared.alone._seconds = lambda: float(next(ticks))
    shared.alone.ask(BOT, shared.key)
    assert shared.alone.look(BOT, shared.key).reset_seconds <= HOUR - 2 * 100  # once to note the answer, once to look


def test_a_lease_is_void_when_its_window_ends(world: Callable[..., World]) -> None:
    shared = world("64/hour", 2)
    assert shared.requests(2, 0) == 2  # and two more are held
    shared.pass_time(HOUR)
    assert shared.requests(100, 1) == 64
    assert not shared.request(0)


def test_a_request_let_in_before_its_window_ends_is_counted_in_it(world: Callable[..., World]) -> None:
    shared = world("64/hour")
    assert shared.request()
    shared.alone.ask(BOT, shared.key)
    shared.pass_time(HOUR)
    assert shared.alone.take(BOT, shared.key)[1]


def test_an_answer_that_comes_after_its_window_still_lets_in_who_waited_for_it(world: Callable[..., World]) -> None:
    shared = world("5/second")
    ticks = count(step=10)
    shared.alone._seconds = lambda: float(next(ticks))

    async def request() -> bool:
        await asyncio.wait_for(shared.alone.ready(BOT, shared.key), PATIENCE_SECONDS)
        return shared.alone.take(BOT, shared.key)[1]

    assert asyncio.run(request())


def test_what_is_left_is_what_is_held_and_what_others_may_still_lease(world: Callable[..., World]) -> None:
    shared = world("64/hour", 2)
    assert (shared.remaining(0), shared.limiters[0].look(BOT, shared.key).reset_seconds) == (64, 0)
    shared.requests(3, 0)
    assert (shared.remaining(0), shared.limiters[0].look(BOT, shared.key).reset_seconds) == (61, HOUR)
    assert shared.remaining(1) == 64  # it has not asked
    shared.request(1)
    assert shared.remaining(1) == 58  # five are the other's, of which it has used three


def test_a_window_whose_end_was_taken_away_gets_one(world: Callable[..., World]) -> None:
    shared = world("2/hour")
    shared.request()
    shared.redis.persist(shared.names()[0])
    shared.request()
    assert shared.redis.ttl(shared.names()[0]) in range(HOUR - 60, HOUR + 1)


# What it costs


def test_a_window_costs_few_round_trips_and_a_flood_over_the_limit_none(
    world: Callable[..., World], mortal_redis: RedisServer
) -> None:
    shared = world("600/hour", 1, mortal_redis.url)
    before = shared.trips()
    assert shared.requests(600) == 600
    spent = shared.trips() - before
    assert spent == len(leases(600)) < 20
    assert shared.requests(1_000) == 0
    assert shared.trips() - before == spent


def test_looking_and_taking_ask_nobody(world: Callable[..., World], mortal_redis: RedisServer) -> None:
    shared = world("600/hour", 1, mortal_redis.url)
    before = shared.trips()
    shared.remaining()
    assert not shared.alone.take(BOT, shared.key)[1], "who has not asked has no permit"
    assert shared.trips() == before


# When Redis is away


def test_a_dead_redis_leaves_each_process_to_its_own_count(
    world: Callable[..., World], mortal_redis: RedisServer
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
    world: Callable[..., World], mortal_redis: RedisServer
) -> None:
    shared = world("3/hour", 1, mortal_redis.url)
    assert shared.requests(4) == 3
    mortal_redis.kill()
    assert not shared.request()


def test_leases_are_made_again_once_redis_is_back(world: Callable[..., World], mortal_redis: RedisServer) -> None:
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
    world: Callable[..., World], mortal_redis: RedisServer
) -> None:
    shared = world("32/hour", 1, mortal_redis.url)
    assert shared.requests(3) == 3
    mortal_redis.kill()
    mortal_redis.start()
    assert shared.requests(100) == 32
    assert shared.alone.failures == 0, "a connection that has ended is made again"


def test_no_more_than_the_limit_is_leased_to_a_process_that_used_more_before_redis_forgot(
    world: Callable[..., World],
) -> None:
    shared = world("600/hour")
    shared.requests(500)
    shared.redis.delete(*shared.names())
    shared.requests(1_000)
    assert shared.redis.get(shared.names()[0]) == b"600"


def test_one_in_a_second_waits_for_a_redis_that_does_not_answer_and_not_long(
    world: Callable[..., World], mortal_redis: RedisServer
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


def test_while_one_tries_again_the_others_do_not_wait(world: Callable[..., World], mortal_redis: RedisServer) -> None:
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


def test_an_outage_is_told_once_a_minute(world: Callable[..., World], mortal_redis: RedisServer) -> None:
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
        assert told["redis"] == f"127.0.0.1:{mortal_redis.port}"
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
    world: Callable[..., World], guarded_redis: RedisServer, trouble: Callable[[Redis], None], problem: str
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
    world: Callable[..., World], guarded_redis: RedisServer
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


# Through the API


@pytest.fixture
def strict(settings: Settings, redis: str) -> Settings:
    """Three requests of a bot, and two failures of an address, in an hour."""
    with Redis.from_url(redis) as server:
        server.flushall()
    return replace(
        settings,
        redis_url=Secret(redis),
        rate_limit=parse_rate("3/hour"),
        failed_auth_limit=parse_rate("2/hour"),
    )


def test_a_bots_requests_count_at_whichever_process_they_come(
    serve: Serve, installation: Installation, strict: Settings, shop: Shop
) -> None:
    client_id = shop.client(1)
    one = serve(installation, strict)
    assert one.look_up(shop, clientIds=[client_id]).headers["ratelimit"] == '"bot";r=2;t=3600'
    assert one.post(POINT, shop, {"secret": "wrong"}).status_code == 403
    another = serve(installation, strict)
    assert another.look_up(shop, clientIds=[client_id]).status_code == 200
    assert another.look_up(shop, clientIds=[client_id]).headers["ratelimit"].startswith('"bot";r=0;t=3')
    answer = another.look_up(shop, clientIds=[client_id])
    assert refused(answer) == (429, 429)
    assert HOUR - 60 <= int(answer.headers["retry-after"]) <= HOUR


def test_an_addresss_failures_count_at_whichever_process_they_come(
    serve: Serve, installation: Installation, strict: Settings, shop: Shop
) -> None:
    one = serve(installation, strict)
    assert refused(one.post(POINT, shop, {}, token="bad")) == (401, 1004)
    another = serve(installation, strict)
    assert refused(another.post(POINT, shop, {"secret": "wrong"})) == (403, 1002)
    assert refused(another.post(POINT, shop, {}, token="bad")) == (429, 429)


def test_the_api_answers_without_its_redis(
    serve: Serve, installation: Installation, strict: Settings, shop: Shop, mortal_redis: RedisServer
) -> None:
    api = serve(installation, replace(strict, redis_url=Secret(mortal_redis.url)))
    client_id = shop.client(1)
    mortal_redis.kill()
    assert [api.look_up(shop, clientIds=[client_id]).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert refused(api.post(POINT, shop, {}, token="bad")) == (401, 1004)
    assert api.look_up(shop, clientIds=[]).headers["ratelimit"].startswith('"bot";r=0;')
