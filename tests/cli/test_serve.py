"""`remora serve` as a process of its own: its log, its limits behind a proxy, its stop, its death."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil
import pytest

from remora.web.writer import NICE
from tests.backdoor import BackDoor
from tests.cast import POINT
from tests.shell import REMORA, Shell

Serve = Callable[..., tuple[subprocess.Popen[str], str]]


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path leaves room for a socket in it."""
    with TemporaryDirectory(dir="/tmp") as made:
        yield Path(made)


@pytest.fixture
def serve(shell: Shell) -> Iterator[Serve]:
    """Start `remora serve` on a free port; gives the process and its URL. All are ended after the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str, **variables: str) -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [REMORA, "serve", "--port", "0", *words],
            env={**shell.environment, **variables},
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stderr is not None
        lines = []
        for line in iter(process.stderr.readline, ""):
            if line.startswith("serving "):  # the writer of several workers has said that it is there
                return process, line.split()[1].removesuffix("/api")
            lines.append(line)
        pytest.fail("".join(lines))

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def pair(shell: Shell) -> Any:
    return shell.json("bot", "create", "Tea shop", "--bot-id", "tea")


def ask(url: str, pair: Any, client_id: str, **headers: str) -> httpx.Response:
    return httpx.post(
        f"{url}{POINT}",
        params={"botId": "tea"},
        json={"secret": pair["apiSecret"], "clientIds": [client_id, "nobody"]},
        headers={"authorization": f"Bearer {pair['apiToken']}", **headers},
    )


def grant(url: str, pair: Any, client_id: str, key: str) -> httpx.Response:
    return httpx.post(
        f"{url}{POINT}/grant",
        params={"botId": "tea"},
        json={"secret": pair["apiSecret"], "clientId": client_id, "points": 1},
        headers={"authorization": f"Bearer {pair['apiToken']}", "idempotency-key": key},
    )


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly(serve: Serve, how: signal.Signals) -> None:
    process, url = serve()
    assert httpx.get(f"{url}/healthz").status_code == 200
    process.send_signal(how)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in out + err


def test_what_the_shell_grants_the_server_answers(serve: Serve, shell: Shell, pair: Any) -> None:
    client_id = shell.json("client", "add", "tea", "whatsapp", "886900000001")["clientId"]
    _, url = serve()
    for expected in (5, 10):
        shell.ok("points", "grant", "tea", client_id, "5")
        assert ask(url, pair, client_id).json()["points"][0]["points"] == expected


def test_each_request_has_one_line_that_says_what_it_was_and_no_secret(serve: Serve, shell: Shell, pair: Any) -> None:
    client_id = shell.json("client", "add", "tea", "line", "U1")["clientId"]
    process, url = serve()
    ask(url, pair, client_id, **{"x-request-id": "order-17"})
    httpx.post(f"{url}{POINT}?botId=tea&secret={pair['apiSecret']}", headers={"authorization": "Bearer bad"})
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    lines = [json.loads(line) for line in err.splitlines()]
    assert [line["event"] for line in lines] == ["request", "request"]
    good, bad = lines
    expected = {"request_id": "order-17", "bot": "tea", "status": 200, "code": None, "asked": 2, "found": 1}
    assert {name: good[name] for name in expected} == expected
    assert good["ms"] > 0
    assert (bad["status"], bad["code"], bad["path"]) == (401, 1004, POINT)
    for hidden in (pair["apiToken"], pair["apiSecret"]):
        assert hidden not in out + err


def test_a_token_survives_a_restart(serve: Serve, shell: Shell, pair: Any) -> None:
    client_id = shell.json("client", "add", "tea", "line", "U1")["clientId"]
    for _ in range(2):
        process, url = serve()
        assert ask(url, pair, client_id).status_code == 200
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def test_a_signing_key_of_ones_own_makes_other_keys_tokens_worthless(serve: Serve, shell: Shell, pair: Any) -> None:
    client_id = shell.json("client", "add", "tea", "line", "U1")["clientId"]
    _, url = serve(REMORA_SIGNING_KEY="a key that the pair was not signed with")
    assert ask(url, pair, client_id).json()["errResponse"]["code"] == 1004


def test_a_taken_port_is_told(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = shell.run("serve", "--port", port)
    assert done.returncode == 1
    assert port in done.stderr
    assert "Traceback" not in done.stderr


def test_several_workers_and_their_writer_serve_whichever_store_it_is_and_need_nothing_else(
    serve: Serve, shell: Shell, pair: Any
) -> None:
    client_id = shell.json("client", "add", "tea", "line", "U1")["clientId"]
    process, url = serve("--workers", "2")
    assert commands(process) == ["remora.web.worker", "remora.web.worker", "remora.web.writer"]
    for number in range(10):
        assert grant(url, pair, client_id, f"k{number}").status_code == 200
    [writer] = (each for each in psutil.Process(process.pid).children() if "remora.web.writer" in each.cmdline())
    assert {os.getpriority(os.PRIO_PROCESS, thread.id) for thread in writer.threads()} == {NICE}
    assert ask(url, pair, client_id).json()["points"][0]["points"] == 10
    shell.ok("points", "grant", "tea", client_id, "5")
    assert ask(url, pair, client_id).json()["points"][0]["points"] == 15
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in err


def test_a_temporary_folder_whose_path_is_too_long_for_the_writers_socket_is_told(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 25)
    folder.mkdir()
    done = shell.run("serve", "--port", "0", "--workers", "2", TMPDIR=str(folder))
    assert done.returncode == 1
    [line] = map(json.loads, done.stderr.splitlines())
    assert line["event"] == "writer not started"
    assert {"TMPDIR", "107"} <= set(re.findall(r"\w+", line["reason"]))
    assert list(folder.iterdir()) == []


def commands(process: subprocess.Popen[str]) -> list[str]:
    """The modules that the processes run which it has started."""
    return sorted(child.cmdline()[3] for child in psutil.Process(process.pid).children())


def test_a_database_that_several_workers_cannot_have_is_told_once_and_no_password_is(shell: Shell) -> None:
    done = shell.run("serve", "--workers", "256", REMORA_DATABASE_URL="postgresql://remora:hunter2@127.0.0.1:1/remora")
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert '"127.0.0.1", port 1' in done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize("workers", ["0", "257", "some"])
def test_a_number_of_workers_out_of_bounds_is_refused(shell: Shell, workers: str) -> None:
    done = shell.run("serve", "--workers", workers)
    assert done.returncode == 2
    assert "--workers" in done.stderr


@pytest.mark.usefixtures("pair")
def test_the_command_line_has_the_last_word_on_workers(serve: Serve) -> None:
    process, _ = serve("--workers", "1", REMORA_WORKERS="2")
    assert commands(process) == []
    process, _ = serve(REMORA_WORKERS="2")
    assert len(commands(process)) == 3


def test_an_address_in_a_header_is_believed_only_from_a_trusted_proxy(serve: Serve) -> None:
    def fail_from(url: str, address: str) -> int:
        return httpx.post(f"{url}{POINT}", headers={"x-forwarded-for": address}).status_code

    _, url = serve(REMORA_FAILED_AUTH_LIMIT="1/hour")
    assert [fail_from(url, "192.0.2.1"), fail_from(url, "192.0.2.2")] == [401, 429]
    _, url = serve(REMORA_FAILED_AUTH_LIMIT="1/hour", REMORA_TRUSTED_PROXIES="127.0.0.0/8")
    assert [fail_from(url, "192.0.2.1"), fail_from(url, "192.0.2.2"), fail_from(url, "192.0.2.2")] == [401, 401, 429]


def test_a_connection_goes_on_after_a_refusal(serve: Serve) -> None:
    _, url = serve()
    with httpx.Client(base_url=url) as client:
        assert [client.post(POINT).status_code for _ in range(3)] == [401, 401, 401]


GRANTER = """
import sys
from remora import settings
from remora.clock import SystemClock
from remora.ledger.commands import Grant
from remora.service import points
from remora.service.installation import open_installation

installation = open_installation(settings.load(), SystemClock())
number = int(sys.argv[2])
while True:
    points.order(installation, "tea", sys.argv[1], Grant(1), f"key-{number}")
    print(number, flush=True)
    number += 1
"""


@pytest.mark.usefixtures("pair")
def test_kill_9_between_grants_loses_none_that_was_acknowledged(shell: Shell, back_door: BackDoor) -> None:
    client_id = shell.json("client", "add", "tea", "line", "U1")["clientId"]
    acknowledged = 0
    for killed_after in (1, 2, 3, 5, 8, 13, 21, 34):
        process = subprocess.Popen(
            [sys.executable, "-c", GRANTER, client_id, str(acknowledged + 1)],
            env=shell.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        for _ in range(killed_after):
            acknowledged = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        rest, _ = process.communicate()
        acknowledged = max([acknowledged, *map(int, rest.split())])
        # The next round begins with the first key that was not acknowledged, whether or not it was decided.
        keys = {key for (key,) in back_door.rows("SELECT key FROM operations")}
        [(available, seq)] = back_door.rows("SELECT available, seq FROM clients")
        entries = [row[0] for row in back_door.rows("SELECT seq FROM entries ORDER BY seq")]
        assert {f"key-{number}" for number in range(1, acknowledged + 1)} <= keys
        assert len(keys) <= acknowledged + 1
        assert available == seq == len(keys)
        assert entries == list(range(1, seq + 1))
