"""Errands: run one after the other, left when the server stops, and told to the log where they fail."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from remora.errors import StoreUnavailable
from remora.web.errands import CHANGES, LOOKS, Errands
from tests.eventually import SECONDS, until


def test_closing_lets_the_one_that_runs_come_to_its_end_and_begins_no_other() -> None:
    errands, began, stepped = Errands(), threading.Event(), threading.Semaphore(0)
    steps: list[str] = []

    def long(going: Callable[[], bool]) -> None:
        began.set()
        while going():
            assert stepped.acquire(timeout=SECONDS)
        steps.append("left")

    running = errands.put(CHANGES, "long", long)
    waiting = errands.put(CHANGES, "other", lambda _: steps.append("other"))
    beside = errands.put(LOOKS, "look", lambda _: steps.append("look"))
    assert began.wait(SECONDS)
    beside.result(SECONDS)
    assert steps == ["look"], "a look waits for no change, and a change for the one before"
    closing = threading.Thread(target=errands.close)
    closing.start()

    def ended() -> bool:
        stepped.release()
        return running.done()

    until(ended)
    closing.join(SECONDS)
    assert not closing.is_alive()
    assert steps == ["look", "left"]
    assert waiting.cancelled()


def test_one_that_fails_is_told_to_the_log_and_the_next_is_run() -> None:
    errands = Errands()

    def fail(problem: Exception) -> Callable[[Callable[[], bool]], None]:
        def work(_: Callable[[], bool]) -> None:
            raise problem

        return work

    with structlog.testing.capture_logs() as lines:
        errands.put(CHANGES, "one", fail(ValueError("broken"))).result(SECONDS)
        errands.put(CHANGES, "two", fail(StoreUnavailable("the database is away"))).result(SECONDS)
        assert errands.put(CHANGES, "three", lambda _: None).result(SECONDS) is None
    errands.close()
    assert [(line["event"], line["what"]) for line in lines] == [("errand failed", "one"), ("errand broken off", "two")]
