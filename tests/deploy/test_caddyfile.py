"""Caddy in front of Remora: tried with a real one where there is one, and read otherwise."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.routing import Router

from remora import settings
from remora.web import routes, server
from tests.cast import POINT
from tests.deploy.files import CADDYFILE, compose
from tests.deploy.processes import answering, remora, stopped
from tests.servers.port import Port
from tests.shell import Shell

# From the system, or from a wheel beside Python.
CADDY = shutil.which("caddy") or shutil.which("caddy", path=str(Path(sys.executable).parent))
needs_caddy = pytest.mark.skipif(CADDY is None, reason="there is no caddy to ask")
TEXT = CADDYFILE.read_text()


def seconds(option: str) -> int:
    [found] = re.findall(rf"\b{option} (\d+)s$", TEXT, re.MULTILINE)
    return int(found)


def test_its_variables_are_those_that_compose_gives_it() -> None:
    assert set(re.findall(r"\{\$(\w+):", TEXT)) == set(compose()["services"]["caddy"]["environment"])


def test_it_asks_for_a_page_that_there_is_and_for_no_longer_than_the_store_is_waited_for() -> None:
    [asked] = re.findall(r"health_uri (\S+)", TEXT)
    assert asked in {getattr(route, "path", None) for route in routes.every()}
    assert seconds("health_timeout") < settings.load({"REMORA_DATA_DIR": "/data"}).database_timeout_seconds


def test_it_lets_go_of_an_idle_connection_before_remora_does() -> None:
    config = server.config(Router(), settings.load({"REMORA_DATA_DIR": "/data"}))
    assert seconds("keepalive") < config.timeout_keep_alive


def test_it_waits_longer_for_what_is_under_way_than_remora_does() -> None:
    assert seconds("grace_period") > server.GRACE_SECONDS + 5


def test_remoras_own_bound_on_bodies_is_the_one_that_is_met() -> None:
    [mebibytes] = re.findall(r"max_size (\d+)MiB", TEXT)
    assert int(mebibytes) > 1


@needs_caddy
def test_caddy_takes_it(tmp_path: Path) -> None:
    assert CADDY is not None
    command = [CADDY, "validate", "--adapter", "caddyfile", "--config", str(CADDYFILE)]
    subprocess.run(command, env={"XDG_DATA_HOME": str(tmp_path), "HOME": str(tmp_path)}, check=True, timeout=60)
    tidy = subprocess.run([CADDY, "fmt", CADDYFILE], capture_output=True, text=True, timeout=60, check=False).stdout
    assert tidy == TEXT


@pytest.fixture
def behind(new_shell: Shell, tmp_path: Path) -> Iterator[str]:
    """The URL of a Caddy before a Remora that takes one failed authentication an hour from an address."""
    new_shell.ok("migrate")
    process, url = remora(
        {**new_shell.environment, "REMORA_TRUSTED_PROXIES": "127.0.0.1", "REMORA_FAILED_AUTH_LIMIT": "1/hour"}
    )
    port = Port()
    variables = {
        "SITE": f"http://:{port.number}",
        "UPSTREAMS": url.removeprefix("http://"),
        "CADDY_ADMIN": f"unix/{tmp_path}/admin.sock",
        "XDG_DATA_HOME": str(tmp_path),
        "HOME": str(tmp_path),
    }
    assert CADDY is not None
    with (tmp_path / "caddy.log").open("w") as log:
        caddy = subprocess.Popen(
            [CADDY, "run", "--adapter", "caddyfile", "--config", CADDYFILE], env=variables, stderr=log, text=True
        )
    front = f"http://127.0.0.1:{port.number}"
    try:
        answering(front, caddy)
        yield front
    finally:
        stopped(caddy)
        stopped(process)
        port.close()


def failed(front: str, said: str, address: str = "127.0.0.1") -> int:
    """The status of a call without a token, from an address, whose header says that it came from another."""
    with httpx.Client(transport=httpx.HTTPTransport(local_address=address)) as client:
        return client.post(f"{front}{POINT}", headers={"x-forwarded-for": said}).status_code


@needs_caddy
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 is no address of this machine")
def test_a_failure_counts_for_the_address_that_called_and_not_for_the_one_that_it_names(behind: str) -> None:
    assert [failed(behind, "192.0.2.1"), failed(behind, "192.0.2.2")] == [401, 429]
    assert [failed(behind, "127.0.0.1", "127.0.0.2"), failed(behind, "192.0.2.3", "127.0.0.2")] == [401, 429]


@needs_caddy
def test_a_call_gets_through_and_nothing_but_calls_does(behind: str, new_shell: Shell) -> None:
    pair = new_shell.json("bot", "create", "Tea shop", "--bot-id", "tea")
    client_id = new_shell.json("client", "add", "tea", "line", "U1")["clientId"]
    new_shell.ok("points", "grant", "tea", client_id, "7")
    answer = httpx.post(
        f"{behind}{POINT}",
        params={"botId": "tea"},
        json={"secret": pair["apiSecret"], "clientIds": [client_id]},
        headers={"authorization": f"Bearer {pair['apiToken']}"},
    )
    assert answer.json()["points"][0]["points"] == 7
    for path in ("/readyz", "/healthz", "/", "/apis"):
        assert httpx.get(f"{behind}{path}").status_code == 404
    assert httpx.get(f"{behind}/api/openapi.json").status_code == 200
