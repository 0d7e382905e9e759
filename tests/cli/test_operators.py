"""`remora operator`: passwords go in by standard input or a terminal, and nowhere else."""

from __future__ import annotations

import os
import pty
import subprocess

import pytest

from tests.shell import REMORA, Shell

PASSWORD = "correct horse battery"


@pytest.fixture
def office(shell: Shell) -> Shell:
    """A shell with a bot."""
    shell.ok("bot", "create", "Tea", "--bot-id", "teaShop01")
    return shell


def fed(shell: Shell, *words: str, password: str = PASSWORD) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [REMORA, *words, "--password-stdin"],
        env=shell.environment,
        input=password + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_operators_are_added_listed_changed_and_removed(office: Shell) -> None:
    assert fed(office, "operator", "add", "mei", "--role", "staff", "--bot", "teaShop01").returncode == 0
    assert fed(office, "operator", "add", "an", "--role", "admin").returncode == 0
    told = office.json("operator", "list")["operators"]
    assert [(each["name"], each["role"], each["bots"], each["disabled"]) for each in told] == [
        ("an", "admin", [], False),
        ("mei", "staff", ["teaShop01"], False),
    ]
    assert office.json("operator", "update", "mei", "--role", "viewer", "--bot", "teaShop01")["role"] == "viewer"
    assert office.json("operator", "disable", "mei")["disabled"] is True
    assert office.json("operator", "enable", "mei")["disabled"] is False
    assert office.json("operator", "sign-out", "mei")["name"] == "mei"
    assert fed(office, "operator", "passwd", "mei", password="another long password").returncode == 0
    assert "mei" in office.ok("operator", "list")
    assert office.json("operator", "remove", "mei") == {"removed": "mei"}
    assert office.refused("operator", "remove", "mei") == 900019


def test_refusals_have_their_codes(office: Shell) -> None:
    assert "900018" in (
        fed(office, "operator", "add", "an", "--role", "admin").stderr
        + fed(office, "operator", "add", "an", "--role", "admin").stderr
    )
    short = fed(office, "operator", "add", "bo", "--role", "admin", password="short")
    assert short.returncode == 1
    assert "password must be 12" in short.stderr
    assert "110000" in fed(office, "operator", "add", "bo", "--role", "staff").stderr
    assert "5001" in fed(office, "operator", "add", "bo", "--role", "staff", "--bot", "nothing").stderr


def test_at_a_terminal_the_password_is_asked_for_twice_and_not_shown(office: Shell) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [REMORA, "operator", "add", "mei", "--role", "admin", "--json"],
        env=office.environment,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    for prompt in (b"Password: ", b"Again: "):
        while not shown.endswith(prompt):
            shown += os.read(ours, 1024)
        os.write(ours, PASSWORD.encode() + b"\n")
    out, _ = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == 0
    assert PASSWORD.encode() not in shown + out
    assert b'"name": "mei"' in out
