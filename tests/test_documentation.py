"""What the documentation says is so: its commands are run, its answers compared, its tables complete."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import remora
from remora import errors
from remora.web.errors import STATUS
from remora.web.families import FAMILIES
from tests.cli.test_commands import commands
from tests.expressions import EVERY_KIND
from tests.shell import Shell

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
# `make test` wants nothing but Python and make; a reader of the README who pastes its calls has curl, and so has CI.
needs_curl = pytest.mark.skipif(
    shutil.which("curl") is None and "CI" not in os.environ, reason="there is no curl to paste the calls for"
)
CAST_TABLE = re.compile(r"^(\S{9,}) +\w+ +(\S+) +(\d+) *$", re.MULTILINE)


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def bash(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script as a person would paste it, with `remora` on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": path, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[str]:
    """What `make demo` prints; it is ended as Ctrl-C ends it."""
    process = subprocess.Popen(
        ["make", "--no-print-directory", "demo"],
        cwd=ROOT,
        env={**os.environ, "REMORA_DATA_DIR": str(tmp_path / "data"), "REMORA_PORT": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if line.startswith("Ctrl-C"):
            break
    else:
        pytest.fail(process.stderr.read())
    yield printed
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert "Traceback" not in err
    left = {path.name for path in (tmp_path / "data" / "demo").iterdir()}
    assert left == {"remora.db", "remora.db-line", "remora.db-turn", "credentials.json"}, (
        "a clean stop closes the database"
    )


def pasted(printed: str) -> list[str]:
    return re.findall(r"^curl .*?(?=\n\n)", printed, re.DOTALL | re.MULTILINE)


@needs_curl
def test_the_calls_that_the_demo_prints_answer_true_balances(demo: str, tmp_path: Path) -> None:
    rows = CAST_TABLE.findall(demo)
    assert len(rows) == 6
    by_id = {client_id: int(points) for client_id, _, points in rows}
    by_platform_id = {platform_id: int(points) for _, platform_id, points in rows}
    calls = pasted(demo)
    assert len(calls) == 3
    for call in calls:
        answer = json.loads(bash(call, tmp_path).stdout)
        assert answer["success"] is True
        for row in answer["points"]:
            known = by_id[row["clientId"]] if "clientId" in row else by_platform_id[row["platformClientId"]]
            assert row["points"] == known
    assert {row["platform"] for row in json.loads(bash(calls[0], tmp_path).stdout)["points"]} == {
        "line",
        "facebook",
        "instagram",
        "liveChat",
        "whatsapp",
    }


@needs_curl
@pytest.mark.parametrize("name", ["README.md", "README.zh-TW.md"])
def test_the_readmes_request_gets_the_readmes_answer(demo: str, tmp_path: Path, name: str) -> None:
    commands_shown = blocks(ROOT / name, "bash")
    [answer] = blocks(ROOT / name, "json")
    assert [commands_shown[0], commands_shown[2]] == ["make demo\n", "make test\n"]
    url = re.search(r"http://127\.0\.0\.1:\d+", demo)
    token, secret = re.search(r"Bearer ([^']+)'", demo), re.search(r'"secret": "([^"]+)"', demo)
    assert url
    assert token
    assert secret
    request = commands_shown[1].replace("http://127.0.0.1:8000", url[0])
    assert bash(request, tmp_path, TOKEN=token[1], SECRET=secret[1]).stdout == answer.strip()


def test_a_second_demo_uses_the_data_and_the_pair_of_the_first(new_shell: Shell, tmp_path: Path) -> None:
    printed = [_run_demo(new_shell) for _ in range(2)]
    assert pasted(printed[0])[0].split("-H")[1] == pasted(printed[1])[0].split("-H")[1]
    # A pair that was exchanged meanwhile does not work any more, so the next demo has a new one.
    database = f"sqlite:///{tmp_path / 'data' / 'demo' / 'remora.db'}"
    assert new_shell.run("bot", "rotate", "demoShop1", REMORA_DATABASE_URL=database).returncode == 0
    assert pasted(_run_demo(new_shell))[0] not in printed


def _run_demo(shell: Shell) -> str:
    process = subprocess.Popen(
        [Path(sys.executable).parent / "remora", "demo", "--port", "0"],
        env=shell.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    printed = ""
    while "Ctrl-C" not in printed:
        line = process.stdout.readline()
        assert line, "the demo ended before it was ready"
        printed += line
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 0
    # The port and the password differ from run to run.
    printed = re.sub(r"(until the next start: )\S+", r"\1PASSWORD", printed)
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", printed)


@needs_curl
def test_the_guides_commands_work_in_its_order(new_shell: Shell, tmp_path: Path) -> None:
    guide = DOCS / "guide" / "by-hand.md"
    *steps, start, call = blocks(guide, "bash")
    assert start == "remora serve &\n"
    [answer] = blocks(guide, "json")
    # The one change: a port that is free, which the guide cannot know.
    script = "\n".join(
        [
            *steps,
            "mkfifo started; remora serve --port 0 2> started & server=$!",
            "trap 'kill $server; wait $server' EXIT",
            "read -r _ url < <(head -n 1 started)",
            call.replace("'http://127.0.0.1:8000/api/", '"$url/').replace("teaShop01'", 'teaShop01"'),
        ]
    )
    out = bash(script, tmp_path, REMORA_DATA_DIR=new_shell.environment["REMORA_DATA_DIR"]).stdout
    assert out.endswith(answer.strip())


def test_every_command_and_option_is_documented() -> None:
    page = (DOCS / "reference" / "commands.md").read_text()
    for path, command in commands(remora.cli.main):
        if isinstance(command, click.Group):
            continue
        [row] = [line for line in page.splitlines() if line.startswith(f"| `remora {' '.join(path)}`")]
        for parameter in command.params:
            if isinstance(parameter, click.Argument):
                assert parameter.make_metavar(click.Context(command)) in row
            elif "--json" not in parameter.opts:
                assert parameter.opts[0] in row


def test_every_command_in_the_documentation_exists() -> None:
    known = {" ".join(path) for path, _ in commands(remora.cli.main)}
    page = (DOCS / "reference" / "commands.md").read_text()
    assert set(re.findall(r"^\| `remora ([a-z -]+)`", page, re.MULTILINE)) <= known


def every_setting() -> set[str]:
    """The variables that the code reads."""
    code = (Path(remora.__file__).parent / "settings.py").read_text()
    read = set(re.findall(r'"(REMORA_\w+)"', code))
    return read | {f"{name}_FILE" for name in re.findall(r'read_secret\("(REMORA_\w+)"', code)}


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    page = (DOCS / "reference" / "settings.md").read_text()
    assert set(re.findall(r"^\| `(REMORA_\w+)`", page, re.MULTILINE)) == every_setting()


def test_every_error_code_is_documented_with_its_status() -> None:
    page = (DOCS / "reference" / "errors.md").read_text()
    rows = {(int(code), int(status)) for code, status in re.findall(r"^\| (\d+) \| (\d+) \|", page, re.MULTILINE)}
    assert rows == {(kind.code, STATUS[kind]) for kind in errors.kinds()}


def test_every_metric_is_documented_with_its_type_and_labels() -> None:
    page = (DOCS / "reference" / "metrics.md").read_text()
    rows = re.findall(r"^\| `([a-z_]+)` \| (counter|gauge|histogram) \| ([^|]*)\| .+ \|$", page, re.MULTILINE)
    documented = [(name, kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows]
    assert documented == [(family.name, family.kind, family.all_labels) for family in FAMILIES]


def test_every_kind_of_points_that_is_counted_is_documented() -> None:
    page = (DOCS / "reference" / "metrics.md").read_text()
    assert set(re.findall(r"^\| `([a-z]+)` \| [^|]+ \|$", page, re.MULTILINE)) == EVERY_KIND


def test_every_link_between_pages_leads_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "deploy").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page}: {target}"


def test_every_decision_is_listed() -> None:
    index = (DOCS / "decisions" / "README.md").read_text()
    pages = {path.name for path in (DOCS / "decisions").glob("0*.md")}
    assert set(re.findall(r"\((0[^)]+\.md)\)", index)) == pages
