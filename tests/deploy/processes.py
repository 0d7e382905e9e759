"""Servers of a test: started, waited for, and ended."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping

import httpx

from tests.shell import REMORA

SECONDS = 30
"""How long we wait for a server before it counts as broken."""


def remora(environment: Mapping[str, str]) -> tuple[subprocess.Popen[str], str]:
    """`remora serve` on a free port, and its URL."""
    process = subprocess.Popen(
        [REMORA, "serve", "--port", "0"], env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert process.stderr is not None
    for said in process.stderr:
        if said.startswith("serving "):
            return process, said.split()[1].removesuffix("/api")
    raise AssertionError("it ended before it served")


def stopped(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def answering(url: str, process: subprocess.Popen[str]) -> None:
    """Wait until it takes connections."""
    deadline = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            httpx.get(url)
        except httpx.TransportError:
            time.sleep(0.01)
        else:
            return
    raise AssertionError("it does not answer")
