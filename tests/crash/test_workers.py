"""Several workers on one port, as processes that are killed and replaced while they are called."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

from remora.web.place import Patience
from tests.crash.calling import alive, hold, who_answers
from tests.crash.crew import SECONDS, StartCrew
from tests.crash.watched import BROKEN_STATUS
from tests.eventually import until


def test_every_worker_answers(start_crew: StartCrew) -> None:
    crew = start_crew(3)
    assert crew.process.pid not in who_answers(crew, 3)
    until(lambda: {line["pid"] for line in crew.lines("worker started")} == who_answers(crew, 3))


def test_a_worker_that_is_killed_is_replaced_at_once_and_the_others_never_stop_answering(start_crew: StartCrew) -> None:
    crew = start_crew(2)
    before = who_answers(crew, 2)
    killed = min(before)
    os.kill(killed, signal.SIGKILL)
    until(lambda: not alive(killed))
    # Each of these calls has to be answered.
    until(lambda: crew.call("now", "who") not in before)
    assert killed not in who_answers(crew, 2)
    [line] = crew.lines("worker ended")
    assert (line["pid"], line["status"], line["replaced_in_seconds"]) == (killed, -signal.SIGKILL, 0)


def test_who_connects_while_no_worker_is_there_is_answered_by_the_next_one(start_crew: StartCrew) -> None:
    crew = start_crew(1)
    killed = crew.call("now", "first")
    os.kill(killed, signal.SIGKILL)
    until(lambda: not alive(killed))
    assert crew.call("now", "second") != killed


def test_a_worker_that_is_told_to_stop_finishes_what_it_has_begun_and_is_replaced(start_crew: StartCrew) -> None:
    crew = start_crew(1)
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


def test_workers_that_die_again_and_again_are_started_ever_more_slowly(start_crew: StartCrew) -> None:
    crew = start_crew(2, patience=Patience(steady_seconds=600, first_pause_seconds=0.02, longest_pause_seconds=0.08))
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


def test_a_worker_that_had_lived_long_enough_is_replaced_at_once_however_many_died(
    start_crew: StartCrew,
) -> None:
    crew = start_crew(1, patience=Patience(steady_seconds=0, first_pause_seconds=600, longest_pause_seconds=600))
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


def test_sighup_replaces_the_workers_one_by_one_and_no_call_fails(start_crew: StartCrew) -> None:
    crew = start_crew(2)
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


def test_where_a_new_worker_does_not_start_the_old_ones_stay(start_crew: StartCrew) -> None:
    crew = start_crew(2)
    before = who_answers(crew, 2)
    crew.break_workers()
    crew.send(signal.SIGHUP)
    until(lambda: any("the old ones stay" in line for line in crew.log))
    assert len(crew.lines("worker started")) == 3
    assert who_answers(crew, 2) == before
    crew.send(signal.SIGTERM)
    assert crew.ended() == 0
