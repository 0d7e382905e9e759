from __future__ import annotations

import os
import sys
from pathlib import Path

import httpx
import psutil
import pytest
from bench.failure import Failed
from bench.peers import nothing
from bench.served import SERVING, Ready, served

SAYS_WHEN_IT_IS_ASKED = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        print("asked", flush=True)
        self.send_response(204)
        self.end_headers()

HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def environment(workers: str) -> dict[str, str]:
    return {**os.environ, "REMORA_WORKERS": workers}


def answer(url: str) -> bytes:
    return httpx.post(f"{url}/api/openapi/client/point", content=b"{}").content


def test_the_app_that_does_nothing_has_as_many_workers_as_it_is_told_and_a_writer(tmp_path: Path) -> None:
    with served(nothing.COMMAND, tmp_path / "log", environment("2"), SERVING) as server:
        crew: list[psutil.Process] = server.process.children(recursive=True)
        assert sorted(each.cmdline()[len(nothing.COMMAND)] for each in crew) == ["worker", "worker", "writer"]
        assert answer(server.url) == nothing.CONTENT
    assert not any(each.is_running() for each in crew)


def test_the_app_that_does_nothing_is_one_process_where_it_is_told_one_worker(tmp_path: Path) -> None:
    with served(nothing.COMMAND, tmp_path / "log", environment("1"), SERVING) as server:
        assert server.process.children(recursive=True) == []
        assert answer(server.url) == nothing.CONTENT


def test_a_server_that_ends_before_it_answers_is_told_with_its_last_words(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "remora", "serve", "--port")
    with (
        pytest.raises(Failed, match="REMORA_WORKERS must be a whole number"),
        served(command, tmp_path / "log", environment("few"), SERVING),
    ):
        raise AssertionError("it started")


def test_a_server_that_answers_is_waited_for_until_all_of_it_is_ready(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with served((sys.executable, "-c", SAYS_WHEN_IT_IS_ASKED), log, os.environ, Ready("asked\n", times=3)):
        assert log.read_text().count("asked\n") == 3
