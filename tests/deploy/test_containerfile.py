"""The image, as far as it can be checked without building it."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.deploy.files import ROOT, instruction, instructions
from tests.deploy.processes import remora, stopped
from tests.shell import Shell


def every(name: str) -> list[str]:
    return [text for each, text in instructions() if each == name]


def test_the_image_runs_as_a_numbered_user_that_is_not_root() -> None:
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", instruction("USER"))
    last_stage = [name for name, _ in instructions()][-8:]
    assert "USER" in last_stage
    assert not {"RUN", "COPY"} & set(last_stage[last_stage.index("USER") :]), "nothing is changed as that user"


def test_every_base_is_one_of_a_version_and_all_are_the_same() -> None:
    bases = {text.split()[0] for text in every("FROM")}
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.11-slim-\w+", bases.pop())


def test_nothing_is_fetched_past_the_pins() -> None:
    assert every("ADD") == []
    for run in every("RUN"):
        for command in re.findall(r"(?:^|(?<=&& ))pip .*?(?=&&|$)", run):
            assert "--require-hashes" in command or "--no-deps" in command, command
            assert " wheel " not in command or "--no-build-isolation" in command, command
        assert not re.search(r"\b(curl|wget|apt-get)\b", run)


def test_no_secret_is_baked_in() -> None:
    names = re.findall(r"(\w+)=", " ".join(every("ENV") + every("ARG")))
    assert names
    assert not [name for name in names if re.search(r"KEY|SECRET|TOKEN|PASSWORD|URL", name)]


def test_everything_that_is_copied_is_there_and_let_through() -> None:
    ignore = (ROOT / ".dockerignore").read_text().split("\n")
    assert "*" in ignore, "what is not named stays out"
    stages = {text.split(" AS ")[1] for text in every("FROM") if " AS " in text}
    copied = set()
    for text in every("COPY"):
        *sources, _ = text.split()
        if sources[0].startswith("--from="):
            assert sources[0].removeprefix("--from=") in stages
            continue
        copied |= set(sources)
    for source in copied:
        assert (ROOT / source).exists(), source
    assert {line.removeprefix("!") for line in ignore if line.startswith("!")} == copied


def test_it_stops_as_the_server_stops() -> None:
    assert instruction("STOPSIGNAL") == "SIGTERM"


def test_the_health_check_tells_a_ready_server_from_one_that_is_not(new_shell: Shell, tmp_path: Path) -> None:
    new_shell.ok("migrate")
    with serving(new_shell) as url:
        port = url.rpartition(":")[2]
        assert health(port) == 0
        with closing(sqlite3.connect(tmp_path / "data" / "remora.db")) as connection:
            connection.execute("DELETE FROM schema_migrations")
            connection.commit()
        assert health(port) != 0
    assert health(port) != 0


@contextmanager
def serving(shell: Shell) -> Iterator[str]:
    process, url = remora(shell.environment)
    try:
        yield url
    finally:
        stopped(process)


def health(port: str) -> int:
    """The status of the image's own command."""
    python, *rest = json.loads(instruction("HEALTHCHECK").partition("CMD ")[2])
    assert python == "python"
    return subprocess.run(
        [sys.executable, *rest], env={"REMORA_PORT": port}, capture_output=True, timeout=30, check=False
    ).returncode
