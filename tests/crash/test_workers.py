"""Several workers on one port, as processes that are stopped, killed and replaced while they are called."""

from __future__ import annotations

import http.client
import itertools
import os
import shlex
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from remora.settings import Settings
from remora.web.generation import Commands
from remora.web.place import Patience
from tests.cast import SIGNING_KEY, Api, Shop
from tests.crash.crew import REAL, SECONDS, WATCHED, Crew
from tests.crash.load import THREADS
from tests.crash.watched import BROKEN, BROKEN_STATUS, STUCK
from tests.eventually import until
from tests.stores import text_of

StartCrew = Callable[..., Crew]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartCrew]:
    """Start a supervisor with workers that are watched in the test's folder. All are ended after the test."""
    started: list[Crew] = []

    def start_one(workers: int, **more: Any) -> Crew:
        started.append(Crew(tmp_path, workers, **more))
        return started[-1]

    yield start_one
    for crew in started:
        crew.end()


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


def test_every_worker_answers(start: StartCrew) -> None:
    crew = start(3)
    assert crew.process.pid not in who_answers(crew, 3)
    until(lambda: {line["pid"] for line in crew.lines("worker started")} == who_answers(crew, 3))


def test_a_worker_that_is_killed_is_replaced_at_once_and_the_others_never_stop_answering(start: StartCrew) -> None:
    crew = start(2)
    before = who_answers(crew, 2)
    killed = min(before)
    os.kill(killed, signal.SIGKILL)
    until(lambda: not alive(killed))
    # Each of these calls has to be answered.
    until(lambda: crew.call("now", "who") not in before)
    assert killed not in who_answers(crew, 2)
    [line] = crew.lines("worker ended")
    assert (line["pid"], line["status"], line["replaced_in_seconds"]) == (killed, -signal.SIGKILL, 0)


def test_who_connects_while_no_worker_is_there_is_answered_by_the_next_one(start: StartCrew) -> None:
    crew = start(1)
    killed = crew.call("now", "first")
    os.kill(killed, signal.SIGKILL)
    until(lambda: not alive(killed))
    assert crew.call("now", "second") != killed


def test_a_worker_that_is_told_to_stop_finishes_what_it_has_begun_and_is_replaced(start: StartCrew) -> None:
    crew = start(1)
    first = crew.call("now", "first")
    with ThreadPoolExecutor() as pool:
        [held] = hold(crew, pool, 1)
        os.kill(first, signal.SIGTERM)
        crew.let_go()
        assert held.result(SECONDS) == first
    until(lambda: not alive(first))
    assert crew.call("now", "second") != first
    [line] = crew.lines("worker ended")
    assert (line["pid"], line["status"]) == (first, 0)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("whom", [Crew.send, Crew.send_to_group])
def test_what_was_begun_before_a_stop_is_answered(
    start: StartCrew, how: signal.Signals, whom: Callable[[Crew, signal.Signals], None]
) -> None:
    crew = start(2)
    with ThreadPoolExecutor(THREADS) as pool:
        calls = hold(crew, pool, THREADS)
        whom(crew, how)
        until(lambda: not takes_connections(crew))
        assert crew.process.poll() is None
        crew.let_go()
        answered_by = {call.result(SECONDS) for call in calls}
    assert crew.ended() == 0
    assert answered_by <= {line["pid"] for line in crew.lines("worker started")}
    # Nothing was worth a line but the start.
    assert len(crew.lines("worker started")) == 2
    assert len(crew.lines("writer started")) == len(crew.log) - 2 == 1


def test_a_stop_under_load_answers_all_that_was_begun(start: StartCrew) -> None:
    crew = start(2)

    def call_until_refused(caller: int) -> list[str]:
        answered = []
        connection = crew.connect()
        for number in itertools.count():
            try:
                crew.call_by(connection, "now", f"{caller}-{number}")
            except (ConnectionError, http.client.HTTPException):
                break
            answered.append(f"{caller}-{number}")
        connection.close()
        return answered

    with ThreadPoolExecutor(THREADS) as pool:
        callers = [pool.submit(call_until_refused, caller) for caller in range(THREADS)]
        until(lambda: len(crew.begun()) > 500)
        crew.send(signal.SIGTERM)
        answered = [name for caller in callers for name in caller.result(SECONDS)]
    assert crew.ended() == 0
    assert sorted(answered) == sorted(crew.begun())


def test_a_second_signal_waits_no_longer_for_what_was_begun(start: StartCrew) -> None:
    crew = start(2)
    with ThreadPoolExecutor(THREADS) as pool:
        calls = hold(crew, pool, THREADS)
        crew.send(signal.SIGTERM)
        until(lambda: not takes_connections(crew))
        crew.send(signal.SIGTERM)
        assert crew.ended() == 0
        for call in calls:
            assert call.exception(SECONDS), "it was to be cut short"
    # This is what is logged once the time is over that those under way are given.
    assert not any("timeout graceful shutdown exceeded" in line for line in crew.log)


def test_a_worker_that_does_not_stop_is_killed_and_the_status_says_so(start: StartCrew) -> None:
    crew = start(2, patience=Patience(stop_seconds=2))
    stuck = crew.call("now", "who")
    os.kill(stuck, signal.SIGSTOP)
    crew.send(signal.SIGTERM)
    assert crew.ended() == 1
    assert stuck in [line["pid"] for line in crew.lines("worker killed")]


def test_workers_whose_supervisor_is_killed_finish_what_they_have_begun_and_end(start: StartCrew) -> None:
    crew = start(2)
    with ThreadPoolExecutor(THREADS) as pool:
        calls = hold(crew, pool, THREADS)
        crew.send(signal.SIGKILL)
        until(lambda: not takes_connections(crew))
        crew.let_go()
        for call in calls:
            assert call.result(SECONDS)
    assert crew.ended() == -signal.SIGKILL


def test_a_worker_that_hangs_does_not_outlive_its_supervisor_for_long(start: StartCrew) -> None:
    crew = start(1)
    with ThreadPoolExecutor() as pool:
        call = pool.submit(crew.call, STUCK, "call")
        until(lambda: "call" in crew.begun())
        crew.send(signal.SIGKILL)
        assert isinstance(call.exception(SECONDS), ConnectionError)
    assert crew.ended() == -signal.SIGKILL


def test_workers_that_die_again_and_again_are_started_ever_more_slowly(start: StartCrew) -> None:
    crew = start(2, patience=Patience(steady_seconds=600, first_pause_seconds=0.02, longest_pause_seconds=0.08))
    before = who_answers(crew, 2)
    crew.break_workers()
    os.kill(victim := before.pop(), signal.SIGKILL)
    until(lambda: len(crew.lines("worker ended")) >= 6)
    lines = crew.lines("worker ended")[:6]
    assert [line["status"] for line in lines] == [-signal.SIGKILL, *[BROKEN_STATUS] * 5]
    assert lines[0]["pid"] == victim
    pauses = [line["replaced_in_seconds"] for line in lines]
    for pause, most in zip(pauses, [0, 0.02, 0.04, 0.08, 0.08, 0.08], strict=True):
        assert most / 2 <= pause <= most
    assert {crew.call("now", "who")} == before
    crew.mend_workers()
    assert victim not in who_answers(crew, 2)


def test_a_worker_that_had_lived_long_enough_is_replaced_at_once_however_many_died_before(start: StartCrew) -> None:
    crew = start(1, patience=Patience(steady_seconds=0, first_pause_seconds=600, longest_pause_seconds=600))
    for _ in range(3):
        killed = crew.call("now", "who")
        os.kill(killed, signal.SIGKILL)
        until(lambda: not alive(killed))  # noqa: B023 (called before the next one's turn)
    assert crew.call("now", "who")
    assert [line["replaced_in_seconds"] for line in crew.lines("worker ended")] == [0, 0, 0]


def test_pauses_grow_up_to_a_bound_and_chance_takes_off_half_at_most() -> None:
    patience = Patience(first_pause_seconds=0.5, longest_pause_seconds=30)
    assert [patience.pause_seconds(deaths, chance=0) for deaths in range(10)] == [0, 0, 0.5, 1, 2, 4, 8, 16, 30, 30]
    assert patience.pause_seconds(10**6, chance=1) == 15


def test_where_the_first_workers_cannot_start_nothing_is_announced_and_the_status_is_1(start: StartCrew) -> None:
    crew = start(2, at_start=BROKEN)
    assert crew.ended() == 1
    assert crew.port == 0
    [line] = map(str.strip, crew.log)
    assert "the start is given up" in line


def test_a_stop_ends_a_worker_that_does_not_come_to_take_connections(start: StartCrew) -> None:
    crew = start(2, at_start=STUCK, patience=Patience(stop_seconds=0.1))
    until(lambda: crew.begun() == [STUCK, STUCK])
    crew.send(signal.SIGTERM)
    assert crew.ended() == 1
    assert len(crew.lines("worker killed")) == 2
    assert crew.port == 0


def test_a_process_that_cannot_be_made_is_told_and_tried_again(start: StartCrew, tmp_path: Path) -> None:
    program = tmp_path / "program"
    commands = Commands((str(program),), WATCHED.writer)
    crew = start(1, commands=commands)
    assert crew.ended() == 1
    assert [line["reason"] for line in crew.lines("worker not started")] == ["No such file or directory"]
    text = shlex.join(WATCHED.worker)
    program.write_text(f'#!/bin/sh\nexec {text} "$@"\n')
    program.chmod(0o700)
    crew = start(1, commands=commands)
    killed = crew.call("now", "who")
    program.rename(tmp_path / "elsewhere")
    os.kill(killed, signal.SIGKILL)
    until(lambda: bool(crew.lines("worker not started")))
    (tmp_path / "elsewhere").rename(program)
    assert crew.call("now", "who") != killed


def test_sighup_replaces_the_workers_one_by_one_and_no_call_fails(start: StartCrew) -> None:
    crew = start(2)
    before = who_answers(crew, 2)
    renewed = threading.Event()

    def call_afresh() -> None:
        while not renewed.is_set():
            crew.call("now", "who")

    def call_on() -> None:
        connection = crew.connect()
        while not renewed.is_set():
            crew.call_by(connection, "now", "who")
        connection.close()

    with ThreadPoolExecutor() as pool:
        callers = [pool.submit(call_afresh), pool.submit(call_on)]
        # To all of them, as when a terminal is closed: it is nothing to the workers.
        crew.send_to_group(signal.SIGHUP)
        try:
            until(lambda: not any(map(alive, before)))
        finally:
            renewed.set()
        for caller in callers:
            caller.result(SECONDS)
    assert not who_answers(crew, 2) & before
    assert not crew.lines("worker ended")
    crew.send(signal.SIGTERM)
    assert crew.ended() == 0


def test_where_a_new_worker_does_not_start_the_old_ones_stay(start: StartCrew) -> None:
    crew = start(2)
    before = who_answers(crew, 2)
    crew.break_workers()
    crew.send(signal.SIGHUP)
    until(lambda: any("the old ones stay" in line for line in crew.log))
    assert len(crew.lines("worker started")) == 3
    assert who_answers(crew, 2) == before
    crew.send(signal.SIGTERM)
    assert crew.ended() == 0


def test_sighup_is_a_stop_where_the_log_goes_to_a_terminal(start: StartCrew) -> None:
    ours, theirs = os.openpty()
    crew = start(2, stderr=theirs)
    assert crew.call("now", "who")
    crew.send(signal.SIGHUP)
    assert crew.ended() == 0
    os.close(ours)
    os.close(theirs)


def test_the_worker_that_is_started_serves_the_installation_that_the_environment_names(
    start: StartCrew, settings: Settings, shop: Shop
) -> None:
    client_id = shop.client(5)
    crew = start(1, commands=REAL, **named(text_of(settings.database)))
    with httpx.Client(base_url=f"http://127.0.0.1:{crew.port}", timeout=SECONDS) as caller:
        api = Api(caller)
        assert api.look_up(shop, clientIds=[client_id]).json()["points"][0]["points"] == 5
    crew.send(signal.SIGTERM)
    assert crew.ended() == 0
    assert [line["bot"] for line in crew.lines("request")] == [shop.bot_id]


def test_a_worker_that_is_refused_the_database_says_why(start: StartCrew, tmp_path: Path) -> None:
    commands = Commands(REAL.worker, WATCHED.writer)
    crew = start(1, commands=commands, **named(f"sqlite:///{tmp_path / 'nowhere.db'}"))
    assert crew.ended() == 1
    [line] = crew.lines("worker refused")
    assert "nowhere.db" in line["reason"]


def test_a_writer_that_is_refused_the_database_says_why_and_no_worker_is_started(
    start: StartCrew, tmp_path: Path
) -> None:
    crew = start(1, commands=REAL, **named(f"sqlite:///{tmp_path / 'nowhere.db'}"))
    assert crew.ended() == 1
    assert crew.port == 0
    [line] = crew.lines("writer refused")
    assert "nowhere.db" in line["reason"]
    assert len(crew.log) == 2
    assert "the writer ended before it took orders" in crew.log[-1]


def named(url: str) -> dict[str, Any]:
    return {"variables": {"REMORA_DATABASE_URL": url, "REMORA_SIGNING_KEY": SIGNING_KEY.reveal()}}
