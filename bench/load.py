"""Driving load with wrk, and telling figures."""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROUNDS = 5
SECONDS = 3


def rate(url: str, script: Path, connections: int, *arguments: str) -> float:
    """Requests a second, all of them answered with 200; `arguments` go to the script."""
    wrk = shutil.which("wrk")
    if wrk is None:
        sys.exit("the bench wants the load generator wrk (Debian: apt-get install wrk)")
    command = [wrk, "-t1", f"-c{connections}", f"-d{SECONDS}s", "-s", str(script), url, "--", *arguments]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        sys.exit(f"not every request was answered with 200:\n{out}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", out)
    assert found is not None, out
    return float(found[1])


def figures(rates: Sequence[float]) -> str:
    """Minimum, median and maximum."""
    return f"{min(rates):,.0f} / {statistics.median(rates):,.0f} / {max(rates):,.0f}"


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """The ratio of the medians."""
    return f"{statistics.median(ours) / statistics.median(theirs):.2f}"
