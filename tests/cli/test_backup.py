"""`remora backup` as a process: beside a writer, on a full disk, and ended before it is done."""

from __future__ import annotations

import json
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.backdoor import BackDoor
from tests.cast import POINT
from tests.cli.test_serve import GRANTER, Serve, serve
from tests.shell import REMORA, Shell
from tests.stores import only

SQLITE = only("sqlite", why="PostgreSQL is backed up by its own means")

__all__ = ["serve"]  # a fixture


@pytest.fixture
def client_id(shell: Shell) -> str:
    """A client of the bot `tea`."""
    shell.ok("bot", "create", "Tea shop", "--bot-id", "tea")
    made: str = shell.json("client", "add", "tea", "line", "U1")["clientId"]
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "backup"
    made.mkdir()
    return made


def numbers(path: Path) -> list[int]:
    """Which of the granter's keys are there."""
    with closing(sqlite3.connect(path)) as connection:
        return sorted(int(key.removeprefix("key-")) for (key,) in connection.execute("SELECT key FROM operations"))


@SQLITE
def test_it_copies_a_database_that_is_written_to_all_the_time(shell: Shell, client_id: str, folder: Path) -> None:
    granter = subprocess.Popen(
        [sys.executable, "-c", GRANTER, client_id, "1"], env=shell.environment, stdout=subprocess.PIPE, text=True
    )
    assert granter.stdout is not None
    copies = [folder / f"{number}.db" for number in range(4)]
    acknowledged = []
    for path in copies:
        acknowledged.append(int(granter.stdout.readline()))
        shell.ok("backup", str(path))
    granter.kill()
    rest, _ = granter.communicate()
    last = int(rest.split()[-1])
    kept = [numbers(path) for path in copies]
    for known, there in zip(acknowledged, kept, strict=True):
        assert there == list(range(1, len(there) + 1)), "no grant is missing from the middle"
        assert known <= len(there) <= last + 1
    assert kept == sorted(kept, key=len)
    for path in copies:
        verified = shell.run("verify", REMORA_DATABASE_URL=f"sqlite:///{path}")
        assert (verified.returncode, verified.stdout) == (0, "everything agrees\n")


@SQLITE
def test_a_copy_serves_with_the_tokens_that_were_issued(shell: Shell, serve: Serve, folder: Path) -> None:
    pair = shell.json("bot", "create", "Tea shop", "--bot-id", "tea")
    client_id = shell.json("client", "add", "tea", "line", "U1")["clientId"]
    shell.ok("points", "grant", "tea", client_id, "7")
    path = folder / "copy.db"
    told = shell.json("backup", str(path))
    assert told == {"file": str(path), "bytes": path.stat().st_size}
    shell.ok("points", "grant", "tea", client_id, "1")
    _, url = serve(REMORA_DATABASE_URL=f"sqlite:///{path}")
    response = httpx.post(
        f"{url}{POINT}",
        params={"botId": "tea"},
        json={"secret": pair["apiSecret"], "clientIds": [client_id]},
        headers={"authorization": f"Bearer {pair['apiToken']}"},
    )
    assert response.json()["points"][0]["points"] == 7


@SQLITE
def test_it_says_what_it_did_and_replaces_only_when_forced(shell: Shell, folder: Path) -> None:
    path = folder / "copy.db"
    said = shell.ok("backup", str(path))
    assert str(path) in said
    assert f"{path.stat().st_size:,} bytes" in said
    before = path.stat().st_ino
    assert shell.refused("backup", str(path)) == 900017
    assert path.stat().st_ino == before
    shell.ok("backup", str(path), "--force")
    assert path.stat().st_ino != before
    assert shell.run("backup", str(folder)).returncode == 2


@SQLITE
def test_a_database_that_a_later_version_will_migrate_is_copied(
    shell: Shell, back_door: BackDoor, folder: Path
) -> None:
    assert back_door.run("DELETE FROM schema_migrations")
    shell.ok("backup", str(folder / "copy.db"))


def test_without_a_database_it_is_refused_and_none_is_made(new_shell: Shell, tmp_path: Path, folder: Path) -> None:
    assert new_shell.refused("backup", str(folder / "copy.db")) == 503
    assert not (tmp_path / "data").exists()
    assert list(folder.iterdir()) == []


def test_on_postgresql_it_is_refused_without_asking_the_server(new_shell: Shell, folder: Path) -> None:
    done = new_shell.run(
        "backup", str(folder / "copy.db"), REMORA_DATABASE_URL="postgresql://remora:hunter2@nowhere.invalid/points"
    )
    assert done.returncode == 1
    assert "pg_dump" in done.stderr
    assert "hunter2" not in done.stderr
    assert list(folder.iterdir()) == []


@SQLITE
def test_a_full_disk_refuses_it_and_leaves_nothing_behind(shell: Shell, client_id: str, folder: Path) -> None:
    assert client_id
    # No file of the process may have more than 64 KiB, which the database has.
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 64; exec "$@"', "bash", REMORA, "backup", str(folder / "copy.db"), "--json"],
        env=shell.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert json.loads(done.stderr)["errResponse"]["code"] == 900017
    assert list(folder.iterdir()) == []


STOPPED = """
import os, signal, sys
from remora.cli import main

# Who starts the tests in the background of a shell has them ignore it, and whoever they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
stage, seen = sys.argv[1], 0

def stop(event, arguments):
    # Runs inside the interpreter's own call, before it does anything.
    global seen
    if event == stage and ".partial" in str(arguments[0]):
        seen += 1
        if seen == int(sys.argv[2]):
            print("here", flush=True)
            sys.stdin.read()

sys.addaudithook(stop)
main(["backup", sys.argv[3]])
"""


@SQLITE
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize(
    ("stage", "nth"),
    [("sqlite3.connect", "1"), ("sqlite3.connect", "2"), ("os.link", "1")],
    ids=["before-it-copies", "before-it-checks", "before-it-is-in-place"],
)
def test_ended_in_the_middle_it_leaves_no_file_at_the_target(
    shell: Shell, folder: Path, stage: str, nth: str, how: signal.Signals
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPED, stage, nth, str(folder / "copy.db")],
        env=shell.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    process.send_signal(how)
    _, err = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "Traceback" not in err
    left = list(folder.iterdir())
    if how is signal.SIGKILL:
        # Nobody could clear it away; it is hidden, and says what it is.
        [partial] = left
        assert partial.name.startswith(".copy.db.")
        assert stat.S_IMODE(partial.stat().st_mode) == 0o600
    else:
        assert left == []
    shell.ok("backup", str(folder / "copy.db"))
