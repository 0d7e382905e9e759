"""The ledger from the shell: the same verbs as over HTTP, and what keeps the ledger in order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.backdoor import BackDoor
from tests.shell import Shell


@pytest.fixture
def client_id(shell: Shell) -> str:
    """A client of the bot `tea` with 100 points."""
    shell.ok("bot", "create", "Tea shop", "--bot-id", "tea")
    made: str = shell.json("client", "add", "tea", "line", "U1")["clientId"]
    shell.ok("points", "grant", "tea", made, "100")
    return made


def test_points_are_spent_held_captured_released_and_reversed(shell: Shell, client_id: str) -> None:
    spent = shell.json("points", "spend", "tea", client_id, "10", "--metadata", '{"order": 7}')
    assert (spent["available"], spent["entry"]["metadata"]) == (90, {"order": 7})
    held = shell.json("points", "hold", "tea", client_id, "30", "--timeout-seconds", "60")
    assert (held["holdId"], held["available"]) == (f"{client_id}-3", 60)
    captured = shell.json("points", "capture", "tea", client_id, held["holdId"], "--points", "20")
    assert captured["available"] == 70
    second = shell.json("points", "hold", "tea", client_id, "5")
    assert shell.json("points", "release", "tea", client_id, second["holdId"])["available"] == 70
    back = shell.json("points", "reverse", "tea", client_id, spent["entry"]["entryId"], "--points", "4")
    assert (back["available"], back["shortfall"]) == (74, 0)
    assert shell.refused("points", "reverse", "tea", client_id, f"{client_id}-1") == 900012
    taken = shell.json("points", "reverse", "tea", client_id, f"{client_id}-1", "--take-available", "--dry-run")
    assert (taken["available"], taken["shortfall"]) == (0, 26)
    kinds = [entry["kind"] for entry in shell.json("points", "history", "tea", client_id)["entries"]]
    assert kinds == ["reverse", "release", "hold", "release", "capture", "hold", "spend", "grant"]
    explained = shell.json("points", "explain", "tea", client_id)
    assert (explained["available"], explained["held"]) == (74, 0)
    assert "next" not in shell.ok("points", "explain", "tea", client_id)
    assert "spend" in shell.ok("points", "history", "tea", client_id, "--kind", "spend")


def test_history_goes_on_where_a_page_ended(shell: Shell, client_id: str) -> None:
    shell.ok("points", "spend", "tea", client_id, "1")
    page = shell.json("points", "history", "tea", client_id, "--limit", "1")
    rest = shell.json("points", "history", "tea", client_id, "--cursor", page["nextCursor"])
    assert [entry["kind"] for entry in page["entries"] + rest["entries"]] == ["spend", "grant"]
    assert f"--cursor {page['nextCursor']}" in shell.run("points", "history", "tea", client_id, "--limit", "1").stderr


def test_refusals_have_the_codes_of_the_api(shell: Shell, client_id: str) -> None:
    assert shell.refused("points", "spend", "tea", client_id, "101") == 900006
    assert shell.refused("points", "capture", "tea", client_id, "nothing") == 900007
    assert shell.refused("points", "reverse", "tea", client_id, f"{client_id}-9") == 900009
    assert shell.refused("bot", "update", "tea", "--expiry-policy", "sometimes") == 110000
    assert shell.refused("bot", "update", "tea", "--time-zone", "Atlantis") == 110000
    assert shell.run("points", "spend", "tea", client_id, "1", "--metadata", "[1]").returncode == 2


def test_a_policy_is_set_and_shown(shell: Shell, client_id: str) -> None:
    updated = shell.json("bot", "update", "tea", "--expiry-policy", "months:12:year", "--time-zone", "Asia/Taipei")
    assert (updated["expiryPolicy"], updated["timeZone"]) == ("months:12:year", "Asia/Taipei")
    shell.ok("points", "grant", "tea", client_id, "5")
    never, dated = shell.json("points", "explain", "tea", client_id)["lots"]
    assert "expiresAt" not in never, "today's policy does not change yesterday's lots"
    assert dated["expiresAt"].endswith("-12-31T16:00:00Z")


def test_tidy_settles_what_is_due_and_forgets_old_keys(shell: Shell, client_id: str, back_door: BackDoor) -> None:
    shell.ok("points", "spend", "tea", client_id, "1", "--key", "old")
    shell.ok("points", "spend", "tea", client_id, "1", "--key", "new")
    back_door.run("UPDATE operations SET created_at = 0 WHERE key = 'old'")
    assert shell.json("tidy", "tea") == {"clientsSettled": 0, "keysForgotten": 1}
    assert shell.json("tidy") == {"clientsSettled": 0, "keysForgotten": 0}
    assert shell.refused("tidy", "nobody") == 5001


def test_verify_tells_what_does_not_agree(shell: Shell, client_id: str, back_door: BackDoor, tmp_path: Path) -> None:
    assert shell.ok("verify") == "everything agrees\n"
    assert shell.ok("verify", "tea", "--json") == '{"problems": 0}\n'
    exported = tmp_path / "journal.jsonl"
    exported.write_text(shell.ok("export", "tea"))
    assert shell.ok("verify", "--file", str(exported)) == "everything agrees\n"
    exported.write_text(exported.read_text().replace('"points":100', '"points":101'))
    assert shell.run("verify", "--file", str(exported)).returncode == 1
    back_door.run("UPDATE clients SET available = available + 1")
    done = shell.run("verify", "tea")
    assert done.returncode == 1
    assert "available is 101, but its entries say 100" in done.stdout
    told = shell.run("verify", "tea", "--json").stdout.splitlines()
    assert json.loads(told[-1]) == {"problems": 1}
    assert client_id in json.loads(told[0])["problem"]
    assert shell.refused("verify", "nobody") == 5001
    assert shell.run("verify", "tea", "--file", str(exported)).returncode == 2


def test_an_export_of_no_bot_is_refused(shell: Shell) -> None:
    done = shell.run("export", "nobody")
    assert (done.returncode, done.stdout) == (1, "")
    assert "5001" in done.stderr
