"""Workers and a writer that start, or cannot."""

from __future__ import annotations

import os
import shlex
import signal
from pathlib import Path
from typing import Any

import httpx

from remora.settings import Settings
from remora.web.generation import Commands
from tests.cast import SIGNING_KEY, Api, Shop
from tests.crash.crew import REAL, SECONDS, WATCHED, StartCrew
from tests.crash.watched import BROKEN
from tests.eventually import until
from tests.stores import text_of


def test_where_the_first_workers_cannot_start_nothing_is_announced_and_the_status_is_1(start_crew: StartCrew) -> None:
    crew = start_crew(2, at_start=BROKEN)
    assert crew.ended() == 1
    assert crew.port == 0
    [line] = map(str.strip, crew.log)
    assert "the start is given up" in line


def test_a_process_that_cannot_be_made_is_told_and_tried_again(start_crew: StartCrew, tmp_path: Path) -> None:
    program = tmp_path / "program"
    commands = Commands((str(program),), WATCHED.writer)
    crew = start_crew(1, commands=commands)
    assert crew.ended() == 1
    assert [line["reason"] for line in crew.lines("worker not started")] == ["No such file or directory"]
    text = shlex.join(WATCHED.worker)
    program.write_text(f'#!/bin/sh\nexec {text} "$@"\n')
    program.chmod(0o700)
    crew = start_crew(1, commands=commands)
    killed = crew.call("now", "who")
    program.rename(tmp_path / "elsewhere")
    os.kill(killed, signal.SIGKILL)
    until(lambda: bool(crew.lines("worker not started")))
    (tmp_path / "elsewhere").rename(program)
    assert crew.call("now", "who") != killed


def test_the_worker_that_is_started_serves_the_installation_that_the_environment_names(
    start_crew: StartCrew, settings: Settings, shop: Shop
) -> None:
    client_id = shop.client(5)
    crew = start_crew(1, commands=REAL, **named(text_of(settings.database)))
    with httpx.Client(base_url=f"http://127.0.0.1:{crew.port}", timeout=SECONDS) as caller:
        api = Api(caller)
        assert api.look_up(shop, clientIds=[client_id]).json()["points"][0]["points"] == 5
    crew.send(signal.SIGTERM)
    assert crew.ended() == 0
    assert [line["bot"] for line in crew.lines("request")] == [shop.bot_id]


def test_a_worker_that_is_refused_the_database_says_why(start_crew: StartCrew, tmp_path: Path) -> None:
    commands = Commands(REAL.worker, WATCHED.writer)
    crew = start_crew(1, commands=commands, **named(f"sqlite:///{tmp_path / 'nowhere.db'}"))
    assert crew.ended() == 1
    [line] = crew.lines("worker refused")
    assert "nowhere.db" in line["reason"]


def test_a_writer_that_is_refused_the_database_says_why_and_no_worker_is_started(
    start_crew: StartCrew, tmp_path: Path
) -> None:
    crew = start_crew(1, commands=REAL, **named(f"sqlite:///{tmp_path / 'nowhere.db'}"))
    assert crew.ended() == 1
    assert crew.port == 0
    [line] = crew.lines("writer refused")
    assert "nowhere.db" in line["reason"]
    assert len(crew.log) == 2
    assert "the writer ended before it took orders" in crew.log[-1]


def named(url: str) -> dict[str, Any]:
    return {"variables": {"REMORA_DATABASE_URL": url, "REMORA_SIGNING_KEY": SIGNING_KEY.reveal()}}
