"""The composition: who may reach whom, what each may do, and that its parts fit together."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from remora.web import server
from tests.deploy.files import COMPOSE, DEPLOY, compose

FILE = compose()
SERVICES = FILE["services"]
each_service = pytest.mark.parametrize("name", SERVICES)


def has_compose() -> bool:
    docker = shutil.which("docker")
    if docker is None:
        return False
    return subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode == 0


def test_it_is_a_proxy_two_servers_a_migration_and_two_stores() -> None:
    assert set(SERVICES) == {"caddy", "remora", "migrate", "postgres", "valkey"}
    assert SERVICES["remora"]["deploy"]["replicas"] == 2


@each_service
def test_each_may_do_as_little_as_it_can(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "caddy" else [])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "network_mode", "pid", "devices"} & set(service)
    assert re.fullmatch(r"\d+[MG]", service["deploy"]["resources"]["limits"]["memory"])
    assert service["logging"]["options"]["max-size"], "a log that nobody cuts fills the disk"


@each_service
def test_each_has_an_image_of_a_version_and_comes_back_after_a_crash(name: str) -> None:
    service = SERVICES[name]
    assert service["image"] == "remora" or re.search(r":\d", service["image"])
    assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")


@each_service
def test_each_is_asked_whether_it_is_well(name: str) -> None:
    # Remora's question is in its image.
    asked = SERVICES[name].get("healthcheck")
    if name in {"remora", "migrate"}:
        assert asked == (None if name == "remora" else {"disable": True})
    else:
        assert asked["test"][0] in {"CMD", "CMD-SHELL"}


def test_the_servers_wait_for_the_migration_and_the_proxy_for_the_servers() -> None:
    waits = {
        name: {other: how["condition"] for other, how in service.get("depends_on", {}).items()}
        for name, service in SERVICES.items()
    }
    assert waits["remora"]["migrate"] == "service_completed_successfully"
    assert waits["remora"]["postgres"] == waits["migrate"]["postgres"] == "service_healthy"
    assert waits["caddy"] == {"remora": "service_healthy"}


def test_only_the_proxy_can_be_reached_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["caddy"]
    networks = FILE["networks"]
    for name, service in SERVICES.items():
        reachable = [each for each in service["networks"] if not networks[each].get("internal")]
        assert reachable == (["outside"] if name == "caddy" else [])


def test_only_those_in_the_proxys_network_are_believed_and_no_store_is_in_it() -> None:
    [configured] = FILE["networks"]["front"]["ipam"]["config"]
    assert SERVICES["remora"]["environment"]["REMORA_TRUSTED_PROXIES"] == configured["subnet"]
    assert {name for name, s in SERVICES.items() if "front" in s["networks"]} == {"caddy", "remora", "migrate"}


def test_the_proxy_knows_every_replica_by_name() -> None:
    replicas = SERVICES["remora"]["deploy"]["replicas"]
    names = [f"{FILE['name']}-remora-{number}:8000" for number in range(1, replicas + 1)]
    assert SERVICES["caddy"]["environment"]["UPSTREAMS"].split() == names


def test_a_server_is_given_the_time_that_it_takes_to_stop() -> None:
    assert int(SERVICES["remora"]["stop_grace_period"].removesuffix("s")) > server.GRACE_SECONDS + 5


def test_every_secret_is_a_file_that_is_read_and_no_other_value_is_one() -> None:
    used: set[str] = set()
    for service in SERVICES.values():
        given = set(service.get("secrets", []))
        used |= given
        read = re.findall(r"/run/secrets/(\w+)", str(service))
        assert set(read) == given
        for name in service.get("environment", {}):
            assert name.endswith("_FILE") or not re.search("PASSWORD|SECRET|KEY|TOKEN|_URL", name)
    assert used == set(FILE["secrets"])


def test_what_it_mounts_and_builds_is_there() -> None:
    build = SERVICES["remora"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (DEPLOY / source).is_file() if source.startswith(".") else source in FILE["volumes"], source


@pytest.mark.skipif(not has_compose(), reason="there is no docker with compose to ask")
def test_compose_takes_it(tmp_path: Path) -> None:
    asked: Any = subprocess.run(
        ["docker", "compose", "--file", COMPOSE, "--project-directory", tmp_path, "config", "--quiet"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (asked.returncode, asked.stderr) == (0, "")
