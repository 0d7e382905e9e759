"""What deploy/ says of commands, settings and files is so."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from remora import cli, settings
from remora.settings import PostgresUrl
from tests.deploy.files import DEPLOY, README, ROOT, compose, pasted, remora_commands
from tests.test_documentation import every_setting

FILES = sorted(path for path in DEPLOY.iterdir() if path.is_file() and not path.name.startswith("."))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_setting_that_is_mentioned_exists(path: Path) -> None:
    assert set(re.findall(r"REMORA_[A-Z_]+", path.read_text())) <= every_setting()


def test_every_command_that_is_run_exists_with_its_arguments() -> None:
    commands = remora_commands()
    assert {words[0] for words in commands} >= {"serve", "migrate", "bot", "client", "points", "tidy", "backup"}
    for words in commands:
        command: click.Command = cli.main
        while isinstance(command, click.Group):
            name, *words = words  # noqa: PLW2901 (what is left of it)
            found = command.get_command(click.Context(command), name)
            assert found is not None, name
            command = found
        # Takes the arguments as a call would, and runs nothing.
        command.make_context(command.name, words)


def test_every_file_is_listed_in_the_readme() -> None:
    readme = README.read_text()
    for path in set(FILES) - {README}:
        assert f"`{path.name}`" in readme or f"`{path.stem}.*`" in readme, path.name


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl to make the secrets with")
def test_the_secrets_that_the_readme_makes_are_those_that_compose_reads_and_are_taken(tmp_path: Path) -> None:
    lines = pasted()
    made = lines[: lines.index("unset password limits")]
    subprocess.run(["bash", "-euo", "pipefail", "-c", "\n".join(made)], cwd=tmp_path, check=True, timeout=30)
    folder = tmp_path / "secrets"
    assert folder.stat().st_mode & 0o777 == 0o700
    listed = compose()["secrets"]
    assert {f"secrets/{path.name}" for path in folder.iterdir()} == {each["file"] for each in listed.values()}
    assert all(path.stat().st_mode & 0o777 == 0o644 for path in folder.iterdir())
    asked = compose()["services"]["remora"]["environment"]
    loaded = settings.load({name: value.replace("/run/secrets", str(folder)) for name, value in asked.items()})
    assert isinstance(loaded.database, PostgresUrl)
    assert f":{(folder / 'postgres_password').read_text()}@postgres/" in loaded.database.url.reveal()
    assert loaded.redis_url is not None
    assert (folder / "valkey_conf").read_text().split()[1] in loaded.redis_url.reveal()
    assert loaded.signing_key is not None
    assert loaded.trusted_proxies != ()


def test_what_is_secret_can_be_committed_by_nobody() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"/deploy/secrets/", "/deploy/.env"} <= set(ignored)
