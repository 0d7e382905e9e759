"""An import, and its undoing, killed at any point and run again: done once, and exactly."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.backdoor import BackDoor
from tests.shell import Shell

ROWS = 30
BATCH = 7

KILLED = """
import os, signal, sys
from remora.cli import main
from remora.service import imports, undoing
from remora.storage import imports as rows

point, left, words = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
imports.BATCH = undoing.BATCH = ROWS_OF_A_BATCH

def dying(function, *, before):
    def called(*arguments, **options):
        global left
        left -= 1
        if before and not left:
            os.kill(os.getpid(), signal.SIGKILL)
        done = function(*arguments, **options)
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return done
    return called

# Inside a batch's transaction: after its grants and before its notes, or after both; or once it is on disk.
if point == "granted":
    rows.save_rows = dying(rows.save_rows, before=True)
elif point == "noted":
    rows.save = dying(rows.save, before=False)
else:
    imports._written = dying(imports._written, before=False)
    undoing._taken_back = dying(undoing._taken_back, before=False)
main(words)
""".replace("ROWS_OF_A_BATCH", str(BATCH))

POINTS = [(point, nth) for point in ("granted", "noted", "committed") for nth in (1, 2, 4)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "clients.csv"
    lines = "".join(f"line,U{number},{f'own{number}' if number % 3 else ''},{number * 10}\n" for number in range(ROWS))
    path.write_text(f"platform,platformClientId,clientId,points\n{lines}")
    return path


def killed(shell: Shell, point: str, nth: int, *words: str) -> None:
    """Run a command that is killed when it comes to a point for the nth time."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, point, str(nth), *words],
        env=shell.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done


def granted(back_door: BackDoor) -> list[tuple[str, int]]:
    """Every grant, with the platform's id of who got it."""
    return sorted(
        back_door.rows(
            "SELECT platform_client_id, points FROM entries JOIN clients USING (bot_id, client_id) WHERE kind = 'grant'"
        )
    )


ONCE = sorted((f"U{number}", number * 10) for number in range(1, ROWS))


@pytest.mark.parametrize(("point", "nth"), POINTS)
def test_an_import_that_was_killed_is_finished_by_running_it_again(
    shell: Shell, back_door: BackDoor, file: Path, point: str, nth: int
) -> None:
    shell.ok("bot", "create", "Tea shop", "--bot-id", "tea")
    words = ("import", "clients", str(file), "tea", "--confirm")
    killed(shell, point, nth, *words)
    left = len(ONCE) - len(granted(back_door))
    assert left > 0, "it was killed in the middle"
    done = shell.json(*words)
    assert (done["refused"], done["unchanged"]) == (0, len(ONCE) - left)
    assert granted(back_door) == ONCE
    assert len(back_door.rows("SELECT client_id FROM clients")) == ROWS
    [told] = shell.json("import", "list", "tea")["imports"]
    assert (told["state"], told["clientsMade"], told["grants"]) == ("done", ROWS, len(ONCE))
    assert told["points"] == sum(points for _, points in ONCE)
    shell.ok("verify")


@pytest.mark.parametrize(("point", "nth"), POINTS)
def test_an_undoing_that_was_killed_is_finished_by_running_it_again(
    shell: Shell, back_door: BackDoor, file: Path, tmp_path: Path, point: str, nth: int
) -> None:
    shell.ok("bot", "create", "Tea shop", "--bot-id", "tea")
    words = ("import", "clients", str(file), "tea", "--confirm")
    import_id = shell.json(*words)["importId"]
    shell.ok("points", "spend", "tea", "own29", "200")
    undo = ("import", "undo", "tea", import_id, "--report", str(tmp_path / "undo.csv"))
    killed(shell, point, nth + (point == "noted"), *undo)
    assert shell.refused(*words) == 900027, "it is not imported again meanwhile"
    done = shell.run(*undo, "--json")
    assert done.returncode == 1, "some points were lacking"
    taken = sum(points for _, points in ONCE) - 200
    assert (json.loads(done.stdout)["taken"], json.loads(done.stdout)["lacking"]) == (taken, 200)
    assert [row[0] for row in back_door.rows("SELECT DISTINCT available FROM clients")] == [0]
    reversed_once = "SELECT count(*) FROM entries WHERE kind = 'reverse' GROUP BY client_id, refers_to"
    assert {row[0] for row in back_door.rows(reversed_once)} == {1}
    [told] = shell.json("import", "list", "tea")["imports"]
    assert (told["state"], told["taken"], told["lacking"]) == ("undone", taken, 200)
    shell.ok("verify")
