"""Processes that serve side by side: whichever is asked tells what all of them have counted."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.cast import POINT
from tests.cli.test_serve import Serve, pair, serve, short
from tests.scraped import Scraped, parsed
from tests.servers.process import wait_until
from tests.shell import Shell

__all__ = ["pair", "serve", "short"]  # fixtures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "shared"
    made.mkdir()
    return made


@pytest.fixture
def client_id(shell: Shell, pair: Any) -> str:
    assert pair["botId"] == "tea"
    made: str = shell.json("client", "add", "tea", "line", "U1")["clientId"]
    return made


def grant(url: str, pair: Any, client_id: str, key: str) -> None:
    answer = httpx.post(
        f"{url}{POINT}/grant",
        params={"botId": "tea"},
        json={"secret": pair["apiSecret"], "clientId": client_id, "points": 10},
        headers={"authorization": f"Bearer {pair['apiToken']}", "idempotency-key": key},
    )
    assert answer.status_code == 200, answer.text


def scrape(url: str) -> Scraped:
    answer = httpx.get(f"{url}/metrics")
    assert answer.status_code == 200
    return parsed(answer.text)


def settle(*urls: str) -> None:
    """A request is counted when its answer is out. Who answers the next one has done that."""
    for url in urls:
        scrape(url)


def granted(url: str) -> tuple[float, ...]:
    """What all have granted, in points, requests, and requests whose time was measured."""
    found = scrape(url)
    return (
        found.total("remora_points_total", bot="tea", kind="granted"),
        found.total("remora_requests_total", route=f"{POINT}/grant", status="200"),
        found.total("remora_request_seconds_count", route=f"{POINT}/grant"),
    )


def workers(url: str) -> set[str]:
    return set(scrape(url).values("worker", "remora_queue_limit"))


def die(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)


def test_whichever_worker_is_asked_answers_for_all(serve: Serve, pair: Any, client_id: str, folder: Path) -> None:
    urls = [serve(REMORA_METRICS_DIR=str(folder))[1] for _ in range(2)]
    for number in range(6):
        grant(urls[number % 3 % 2], pair, client_id, f"k{number}")
    settle(*urls)
    assert granted(urls[0]) == granted(urls[1]) == (60, 6, 6)
    for url in urls:
        found = scrape(url)
        for name in ("remora_queue_depth", "process_cpu_seconds_total", "process_resident_memory_bytes"):
            assert set(found.values("worker", name)) == {"0", "1"}, name
        assert found.values("version", "remora_build_info").popitem()[1] == 1
        assert found.total("remora_ready") == 1


def test_what_a_killed_worker_has_counted_is_kept_and_what_it_was_is_gone(
    serve: Serve, pair: Any, client_id: str, folder: Path
) -> None:
    _, first = serve(REMORA_METRICS_DIR=str(folder))
    doomed, second = serve(REMORA_METRICS_DIR=str(folder))
    grant(first, pair, client_id, "k1")
    grant(second, pair, client_id, "k2")
    settle(first, second)
    die(doomed)
    assert granted(first) == (20, 2, 2)
    assert workers(first) == {"0"}
    _, third = serve(REMORA_METRICS_DIR=str(folder))
    assert workers(first) == {"0", "1"}
    grant(third, pair, client_id, "k3")
    settle(third)
    assert granted(first) == granted(third) == (30, 3, 3)


def test_a_worker_that_is_not_asked_looks_at_itself(serve: Serve, folder: Path) -> None:
    _, first = serve(REMORA_METRICS_DIR=str(folder))
    _, second = serve(REMORA_METRICS_DIR=str(folder))

    def files_of_the_second() -> float:
        return scrape(first).total("process_open_fds", worker="1")

    before = files_of_the_second()
    with httpx.Client(base_url=second) as connected:
        assert connected.get("/healthz").status_code == 200
        wait_until(lambda: files_of_the_second() > before, "the second worker has seen its new connection")


def test_the_workers_and_the_writer_of_one_server_count_together_and_leave_nothing_behind(
    serve: Serve, pair: Any, client_id: str, short: Path
) -> None:
    process, url = serve(REMORA_WORKERS="3", TMPDIR=str(short))

    def settled(requests: int) -> bool:
        """Whether each of many scrapes, whichever worker it comes to, tells the same."""
        return {granted(url) for _ in range(10)} == {(10 * requests, requests, requests)}

    # What they count in, and where the writer listens.
    assert len(list(short.iterdir())) == 2
    for number in range(12):
        grant(url, pair, client_id, f"k{number}")
    wait_until(lambda: settled(12), "all have counted what they answered")
    replace_one(process, url, "remora.web.worker")
    grant(url, pair, client_id, "k12")
    wait_until(lambda: settled(13), "all have counted what they answered")
    assert carried_out(url) == 13
    replace_one(process, url, "remora.web.writer")
    grant(url, pair, client_id, "k13")
    wait_until(lambda: settled(14), "all have counted what they answered")
    assert carried_out(url) == 14
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert list(short.iterdir()) == []


def replace_one(process: subprocess.Popen[str], url: str, module: str) -> None:
    """Kill one of the server's processes that run this module, and wait until another is there. By then all know that
    it is dead: what is sent to one that dies may be lost.
    """
    before = scrape(url).values("worker", "process_start_time_seconds")
    assert len(before) == 4
    kill_one(process, module)
    wait_until(lambda: len(now := scrape_if_up(url)) == 4 and now != before, "another is there instead of the dead one")


def kill_one(process: subprocess.Popen[str], module: str) -> None:
    """Kill one of the server's processes that run this module, and wait until it is dead."""
    doomed = next(each for each in psutil.Process(process.pid).children() if module in each.cmdline())
    doomed.kill()
    # It is the supervisor's to reap, so that here it may only be seen to be gone.
    wait_until(lambda: not doomed.is_running() or doomed.status() == psutil.STATUS_ZOMBIE, "it is dead")


def carried_out(url: str) -> float:
    """The orders that the one writer has carried out, whichever worker took them; nothing waits for it."""
    found = scrape(url)
    assert list(found.values("worker", "remora_queue_depth", engine="writer").values()) == [0]
    return found.total("remora_batch_items_sum", engine="writer")


def scrape_if_up(url: str) -> dict[str, float]:
    """When each worker started; nothing if the connection came to one that was killed."""
    try:
        return scrape(url).values("worker", "process_start_time_seconds")
    except httpx.TransportError:
        return {}


def test_processes_without_a_folder_in_common_count_for_themselves(serve: Serve, pair: Any, client_id: str) -> None:
    urls = [serve()[1] for _ in range(2)]
    grant(urls[0], pair, client_id, "k1")
    settle(*urls)
    assert [granted(url) for url in urls] == [(10, 1, 1), (0, 0, 0)]


def test_a_folder_that_is_not_there_is_told_at_the_start(shell: Shell, tmp_path: Path) -> None:
    done = shell.run("serve", "--port", "0", REMORA_METRICS_DIR=str(tmp_path / "missing"))
    assert done.returncode == 2
    assert "REMORA_METRICS_DIR" in done.stderr
