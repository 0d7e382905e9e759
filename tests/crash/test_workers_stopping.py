"""What workers have begun when they, or their supervisor, are stopped."""

from __future__ import annotations

import http.client
import itertools
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from remora.web.place import Patience
from tests.crash.calling import hold, takes_connections
from tests.crash.crew import SECONDS, Crew, StartCrew
from tests.crash.load import THREADS
from tests.crash.watched import STUCK
from tests.eventually import until


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("whom", [Crew.send, Crew.send_to_group])
def test_what_was_begun_before_a_stop_is_answered(
    start_crew: StartCrew, how: signal.Signals, whom: Callable[[Crew, signal.Signals], None]
) -> None:
    crew = start_crew(2)
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


def test_a_stop_under_load_answers_all_that_was_begun(start_crew: StartCrew) -> None:
    crew = start_crew(2)

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


def test_a_second_signal_waits_no_longer_for_what_was_begun(start_crew: StartCrew) -> None:
    crew = start_crew(2)
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


def test_a_worker_that_does_not_stop_is_killed_and_the_status_says_so(start_crew: StartCrew) -> None:
    crew = start_crew(2, patience=Patience(stop_seconds=2))
    stuck = crew.call("now", "who")
    os.kill(stuck, signal.SIGSTOP)
    crew.send(signal.SIGTERM)
    assert crew.ended() == 1
    assert stuck in [line["pid"] for line in crew.lines("worker killed")]


def test_workers_whose_supervisor_is_killed_finish_what_they_have_begun_and_end(start_crew: StartCrew) -> None:
    crew = start_crew(2)
    with ThreadPoolExecutor(THREADS) as pool:
        calls = hold(crew, pool, THREADS)
        crew.send(signal.SIGKILL)
        until(lambda: not takes_connections(crew))
        crew.let_go()
        for call in calls:
            assert call.result(SECONDS)
    assert crew.ended() == -signal.SIGKILL


def test_a_worker_that_hangs_does_not_outlive_its_supervisor_for_long(start_crew: StartCrew) -> None:
    crew = start_crew(1)
    with ThreadPoolExecutor() as pool:
        call = pool.submit(crew.call, STUCK, "call")
        until(lambda: "call" in crew.begun())
        crew.send(signal.SIGKILL)
        assert isinstance(call.exception(SECONDS), ConnectionError)
    assert crew.ended() == -signal.SIGKILL


def test_a_stop_ends_a_worker_that_does_not_come_to_take_connections(start_crew: StartCrew) -> None:
    crew = start_crew(2, at_start=STUCK, patience=Patience(stop_seconds=0.1))
    until(lambda: crew.begun() == [STUCK, STUCK])
    crew.send(signal.SIGTERM)
    assert crew.ended() == 1
    assert len(crew.lines("worker killed")) == 2
    assert crew.port == 0


def test_sighup_is_a_stop_where_the_log_goes_to_a_terminal(start_crew: StartCrew) -> None:
    ours, theirs = os.openpty()
    crew = start_crew(2, stderr=theirs)
    assert crew.call("now", "who")
    crew.send(signal.SIGHUP)
    assert crew.ended() == 0
    os.close(ours)
    os.close(theirs)
