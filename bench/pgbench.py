"""Running pgbench with prepared statements, the measure of what PostgreSQL itself can do."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.servers.postgresql import PACKAGE

from bench.failure import Failed

PGBENCH = PACKAGE / "pginstall" / "bin" / "pgbench"
SPARE_SECONDS = 30


def rate(
    url: str, scripts: Sequence[Path], connections: int, seconds: int, variables: Mapping[str, str] | None = None
) -> float:
    """Transactions a second; of several scripts one is drawn for each transaction."""
    options: list[str | Path] = ["-n", "-M", "prepared", "-c", str(connections), "-j", "2", "-T", str(seconds)]
    for script in scripts:
        options += ["-f", script]
    for name, value in (variables or {}).items():
        options += ["-D", f"{name}={value}"]
    done = subprocess.run(
        [PGBENCH, *options, url], check=False, capture_output=True, text=True, timeout=seconds + SPARE_SECONDS
    )
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if found is None or done.returncode:
        raise Failed(f"pgbench failed:\n{done.stderr[-2000:]}")
    return float(found[1])
