"""Runs the real `remora` command."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REMORA = Path(sys.executable).parent / "remora"


@dataclass
class Shell:
    """Runs the real `remora` command with an environment and a data folder of its own."""

    environment: dict[str, str]

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [REMORA, *words],
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def ok(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self.ok(*words, "--json"))

    def refused(self, *words: str) -> int:
        """The code with which a command is refused; nothing goes to standard output."""
        done = self.run(*words, "--json")
        assert (done.returncode, done.stdout) == (1, ""), done
        code: int = json.loads(done.stderr)["errResponse"]["code"]
        return code
