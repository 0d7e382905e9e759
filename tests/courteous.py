"""Running a program as a process that is nice, and seeing how often it gives way."""

from __future__ import annotations

import os
import subprocess
import sys

_BEFORE = "import os, sys; gave_way = []; os.sched_yield = lambda: gave_way.append(True); os.nice(int(sys.argv[1]))\n"
_AFTER = "\nprint(len(gave_way))"


def run(program: str, niceness: int, *arguments: object) -> tuple[str, int]:
    """What the program printed, and how often it gave way. Its own arguments begin at the second."""
    command = [sys.executable, "-c", _BEFORE + program + _AFTER, str(niceness), *map(str, arguments)]
    *printed, gave_way = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return "\n".join(printed), int(gave_way)


def would_be_nice(niceness: int) -> bool:
    """Whoever runs the tests may be nice already."""
    return os.nice(0) + niceness > 0
