"""Driving load with wrk. An answer that is not a success makes the row fail."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from bench.failure import Failed, NotRun

SPARE_SECONDS = 30
"""How much longer than asked wrk may take before it counts as hung."""

SECONDS_IN = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


class Told(Struct, frozen=True):
    """What wrk tells at its end: answers a second, and the milliseconds that one request in a hundred exceeded."""

    rate: float
    p99: float


def drive(url: str, script: Path, connections: int, seconds: int, *arguments: str) -> Told:
    """Call `url` as the script says for so long; `arguments` go to the script."""
    with driving(url, script, connections, seconds, *arguments) as process:
        return _told(process, seconds)


@contextmanager
def driving(url: str, script: Path, connections: int, seconds: int, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The same beside what the block does; it waits for the end, and fails as `drive` does."""
    process = subprocess.Popen(
        [
            _wrk(),
            "-t1",
            f"-c{connections}",
            f"-d{seconds}s",
            "--latency",
            "--timeout",
            f"{SPARE_SECONDS}s",
            "-s",
            script,
            url,
            "--",
            *arguments,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
        if process.stdout is not None and not process.stdout.closed:
            _told(process, seconds)
    finally:
        process.kill()
        process.wait()


def _told(process: subprocess.Popen[str], seconds: int) -> Told:
    out, _ = process.communicate(timeout=seconds + SPARE_SECONDS)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    p99 = re.search(r"99%\s+([\d.]+)([a-z]+)", out)
    if process.returncode or rate is None or p99 is None or "Non-2xx" in out or "Socket errors" in out:
        raise Failed(f"not every request was answered with success:\n{out}")
    if not float(rate[1]):
        raise Failed(f"no request was answered:\n{out}")
    return Told(float(rate[1]), float(p99[1]) * SECONDS_IN[p99[2]] * 1_000)


def _wrk() -> str:
    wrk = shutil.which("wrk")
    if wrk is None:
        raise NotRun("there is no wrk (Debian: apt-get install wrk)")
    return wrk
