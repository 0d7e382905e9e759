"""The lines that a server of this process has written of its requests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.eventually import until


def request_line(capfd: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The one line of the one request there was. It is written when the answer has been sent, so perhaps not yet."""
    written = ""

    def is_there() -> bool:
        nonlocal written
        written += capfd.readouterr().err
        return written.endswith("\n") and '"event":"request"' in written

    until(is_there)
    [line] = [line for line in map(json.loads, written.splitlines()) if line["event"] == "request"]
    assert isinstance(line, dict)
    return line
