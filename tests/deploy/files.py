"""The files of deploy/, read as those who use them do."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
README = DEPLOY / "README.md"
CADDYFILE = DEPLOY / "Caddyfile"
COMPOSE = DEPLOY / "compose.yaml"
SERVICES = sorted(DEPLOY.glob("*.service"))
TIMERS = sorted(DEPLOY.glob("*.timer"))

Unit = dict[str, dict[str, list[str]]]


def instructions() -> list[tuple[str, str]]:
    """The Containerfile's instructions in order, each on one line."""
    text = (DEPLOY / "Containerfile").read_text()
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    whole = re.sub(r"\\\n\s*", " ", text)
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in whole.splitlines() if line.strip()]


def instruction(name: str) -> str:
    """The last one of a name: the one that holds."""
    return [text for each, text in instructions() if each == name][-1]


def compose() -> Any:
    return yaml.safe_load(COMPOSE.read_text())


def unit(path: Path) -> Unit:
    """The sections of a systemd unit; a key has a value for each time it is given."""
    sections: Unit = {}
    for line in path.read_text().splitlines():
        if line.startswith("["):
            section = sections.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            section.setdefault(key, []).append(value)
    return sections


def pasted(page: Path = README) -> list[str]:
    """The bash of a page, a command on each line."""
    blocks = re.findall(r"^```bash\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    return "".join(blocks).replace("\\\n", " ").splitlines()


def remora_commands() -> list[list[str]]:
    """The arguments of every `remora` that the files run or tell to run."""
    entry, default = json.loads(instruction("ENTRYPOINT")), json.loads(instruction("CMD"))
    assert entry == ["remora"]
    found = [default]
    found += [service["command"] for service in compose()["services"].values() if _is_ours(service)]
    for path in SERVICES:
        [command] = unit(path)["Service"]["ExecStart"]
        words = shlex.split(command)
        found.append(_arguments(shlex.split(words[-1]) if "-c" in words else words))
    found += [_arguments(shlex.split(line)) for line in pasted()]
    return [words for words in found if words]


def _is_ours(service: Any) -> bool:
    return service["image"] == "remora" and "command" in service


def _arguments(words: list[str]) -> list[str]:
    """What follows the last `remora`, up to what belongs to the shell."""
    places = [place for place, word in enumerate(words) if word == "remora" or word.endswith("/bin/remora")]
    rest = words[places[-1] + 1 :] if places else []
    ends = [place for place, word in enumerate(rest) if word in {">", "<", "|", "&&", "--"}]
    return rest[: ends[0]] if ends else rest
