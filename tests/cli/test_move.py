"""`remora move`, as an operator runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.servers.databases import Databases
from tests.shell import Shell


def test_an_installation_moves_to_postgresql_and_back(new_shell: Shell, postgres: Databases, tmp_path: Path) -> None:
    file, far = f"sqlite:///{tmp_path / 'data' / 'remora.db'}", postgres.create("move")
    at_file = Shell({**new_shell.environment, "REMORA_DATABASE_URL": file})
    at_far = Shell({**new_shell.environment, "REMORA_DATABASE_URL": far})
    at_file.ok("migrate")
    at_file.ok("bot", "create", "Tea", "--bot-id", "tea")
    client_id = at_file.json("client", "add", "tea", "line", "U1")["clientId"]
    at_file.ok("points", "grant", "tea", client_id, "100", "--key", "first")
    done = at_file.json("move", "--from", file, "--to", far)
    assert done["digests"].keys() == {"tea"}
    at_far.ok("points", "spend", "tea", client_id, "30")
    assert "everything agrees" in at_far.ok("verify")
    back = f"sqlite:///{tmp_path / 'back.db'}"
    assert "is a whole copy" in at_far.ok("move", "--from", far, "--to", back)
    at_back = Shell({**new_shell.environment, "REMORA_DATABASE_URL": back})
    assert at_back.json("points", "show", "tea", client_id)["points"][0]["points"] == 70
    # What was used since it was moved to is not written over.
    refused = at_file.run("move", "--from", file, "--to", far, "--json")
    assert json.loads(refused.stderr)["errResponse"]["code"] == 900014
    assert at_far.json("points", "show", "tea", client_id)["points"][0]["points"] == 70
    postgres.drop("move")


@pytest.mark.parametrize("url", ["mysql://u:hunter2@h/d", "sqlite:///", "hunter2"])
def test_what_is_no_database_is_told_without_repeating_it(new_shell: Shell, url: str) -> None:
    done = new_shell.run("move", "--from", url, "--to", "sqlite:///x.db")
    assert done.returncode == 2
    assert "hunter2" not in done.stderr
    assert "--from" in done.stderr


def test_a_source_that_is_not_there_is_refused_and_no_target_made(new_shell: Shell, tmp_path: Path) -> None:
    done = new_shell.run("move", "--from", f"sqlite:///{tmp_path / 'a.db'}", "--to", f"sqlite:///{tmp_path / 'b.db'}")
    assert done.returncode == 1
    assert not (tmp_path / "b.db").exists()
    assert new_shell.run("move", "--from", "sqlite:///x", "--to", "sqlite:///x").returncode == 2
