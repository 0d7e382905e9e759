"""The systemd units: confined alike, stopped in time, and taken by systemd where there is one."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from remora.web import server
from tests.deploy.files import DEPLOY, SERVICES, TIMERS, unit
from tests.shell import REMORA

INSTALLED = "/opt/remora/bin/remora"
SECTIONS = {
    ".service": {"Unit", "Service", "Install"},
    ".timer": {"Unit", "Timer", "Install"},
}
CONFINED = "# What it may do; the same for every unit here.\n"
each_service = pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
each_timer = pytest.mark.parametrize("path", TIMERS, ids=lambda path: path.name)


def confinement(path: Path) -> str:
    return path.read_text().partition(CONFINED)[2].partition("\n\n")[0].strip()


def test_there_is_a_server_a_tidier_and_a_back_up() -> None:
    assert [path.name for path in SERVICES] == ["remora-backup.service", "remora-tidy.service", "remora.service"]


@pytest.mark.parametrize("path", [*SERVICES, *TIMERS], ids=lambda path: path.name)
def test_each_has_the_sections_of_its_kind(path: Path) -> None:
    assert set(unit(path)) <= SECTIONS[path.suffix]
    assert re.fullmatch(r"[A-Z]\w+", next(iter(unit(path)["Unit"])))


@each_service
def test_each_runs_as_a_user_of_its_own_and_is_confined_like_the_others(path: Path) -> None:
    service = unit(path)["Service"]
    assert service["User"] == ["remora"]
    assert confinement(path) == confinement(SERVICES[0])
    assert (service["NoNewPrivileges"], service["CapabilityBoundingSet"]) == (["yes"], [""])
    assert (service["ProtectSystem"], service["UMask"]) == (["strict"], ["0077"])
    assert service["SystemCallFilter"] == ["@system-service", "~@privileged"]


@each_service
def test_each_writes_to_its_state_only_and_finds_the_data_there(path: Path) -> None:
    service = unit(path)["Service"]
    [state] = service["StateDirectory"]
    assert "remora" in state.split()
    assert service["StateDirectoryMode"] == ["0700"]
    assert "REMORA_DATA_DIR=/var/lib/remora" in service["Environment"][0].split()
    written = re.findall(r"/var/lib/([\w-]+)", service["ExecStart"][0])
    assert set(written) <= set(state.split())


def test_the_server_is_given_the_time_that_it_takes_to_stop_and_comes_back_after_a_crash() -> None:
    service = unit(DEPLOY / "remora.service")["Service"]
    assert int(service["TimeoutStopSec"][0]) > server.GRACE_SECONDS + 5
    assert service["Type"] == ["exec"]
    # The first process tells its workers; they are not to be told twice.
    assert (service["KillSignal"], service["KillMode"]) == (["SIGTERM"], ["mixed"])
    assert service["Restart"] == ["on-failure"]


@each_timer
def test_each_timer_has_its_service_and_catches_up_on_a_night_that_was_missed(path: Path) -> None:
    timer = unit(path)
    [starts] = SERVICES_OF[path.stem]["Service"]["Type"]
    assert starts == "oneshot"
    assert timer["Timer"]["Persistent"] == ["yes"]
    assert timer["Install"]["WantedBy"] == ["timers.target"]


SERVICES_OF = {path.stem: unit(path) for path in SERVICES}


def test_each_secret_that_is_handed_over_is_one_that_is_read() -> None:
    service = unit(DEPLOY / "remora-postgresql.conf")["Service"]
    loaded = dict(each.split(":") for each in service["LoadCredential"])
    read = dict(each.split("=%d/") for each in service["Environment"])
    assert set(loaded) == set(read.values())
    for name, credential in read.items():
        assert name == f"REMORA_{credential.upper()}_FILE"
        assert loaded[credential] == f"/etc/remora/{credential}"


def installed(folder: Path) -> list[Path]:
    """The units, with the drop-in, as if Remora were installed."""
    for path in [*SERVICES, *TIMERS]:
        (folder / path.name).write_text(path.read_text().replace(INSTALLED, str(REMORA)))
    for name in ("remora.service", "remora-tidy.service"):
        (folder / f"{name}.d").mkdir()
        shutil.copy(DEPLOY / "remora-postgresql.conf", folder / f"{name}.d" / "postgresql.conf")
    return sorted(path for path in folder.iterdir() if path.is_file())


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd to ask")
def test_systemd_takes_them(tmp_path: Path) -> None:
    asked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *installed(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (asked.returncode, asked.stderr) == (0, "")
