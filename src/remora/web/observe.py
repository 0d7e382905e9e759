"""What is noted of each request: an id, a few numbers, one log line. Never a secret or a token."""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
import secrets
import sys
import time
from asyncio import AbstractEventLoop
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
import structlog
from msgspec import Struct
from starlette.types import Scope

from remora.web.rate_limit import Quota

_ASKED_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
PATH_CHARACTERS = 200
CLIENT_GONE_STATUS = 499  # as nginx logs it; nobody is there to receive it

_PROCESS = secrets.token_hex(5)
_numbers = itertools.count(1)
"""A request id is the process's, which is random, and a number: it has to be one of its kind, not a secret."""

_encode = msgspec.json.Encoder().encode

log: structlog.stdlib.BoundLogger = structlog.get_logger("remora")


class Observation(Struct):
    """One request as it goes: filled in on the way, written down at the end. Of its headers the first of each name.
    `looked_up` is the bot of a look-up, once it is known to be one.
    """

    request_id: str
    started: float
    headers: Mapping[bytes, bytes]
    status: int = 0
    code: int | None = None
    bot_id: str | None = None
    looked_up: str | None = None
    asked: int | None = None
    found: int | None = None
    quota: Quota | None = None
    replayed: bool = False
    trace_id: str | None = None


def begin(scope: Scope) -> Observation:
    """Start to observe; a request id that the caller gives is kept if it is a harmless one."""
    headers = dict(reversed(scope["headers"]))
    given = headers.get(b"x-request-id")
    known = given is not None and _ASKED_ID.fullmatch(given)
    return Observation(known[0].decode() if known else f"{_PROCESS}{next(_numbers):06x}", time.perf_counter(), headers)


class Line(Struct, omit_defaults=True):
    """A request's line in the log. The query string is left out: it is the caller's to fill."""

    request_id: str
    method: str
    path: str
    status: int
    code: int | None
    bot: str | None
    ms: float
    asked: int | None
    found: int | None
    event: str
    level: str
    timestamp: datetime
    trace_id: str | None = None


def finish(scope: Scope, seen: Observation, seconds: float) -> None:
    """Write the request's line: by itself, for structlog's chain was a quarter of a look-up's cost. It goes out at
    the loop's next turn, with those of the requests that were answered in the same one.
    """
    line = Line(
        seen.request_id,
        scope["method"],
        scope["path"][:PATH_CHARACTERS],
        seen.status,
        seen.code,
        seen.bot_id,
        round(seconds * 1000, 3),
        seen.asked,
        seen.found,
        "request",
        "info",
        datetime.now(UTC),
        seen.trace_id,
    )
    _lines.add(_encode(line) + b"\n")


class _Lines:
    """The lines of one turn of the loop, which go out at its next."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._loop: AbstractEventLoop | None = None

    def add(self, line: bytes) -> None:
        # Asking which loop it is costs a system call; one that is not over is this one.
        if not self._lines or self._loop is None or not self._loop.is_running():
            self._loop = asyncio.get_running_loop()
            self._loop.call_soon(self.write)
        self._lines.append(line)

    def write(self) -> None:
        """Write what there is."""
        lines, self._lines = self._lines, []
        out = sys.stderr.buffer
        out.write(b"".join(lines))
        out.flush()


_lines = _Lines()


def finish_all() -> None:
    """Write the lines that are left, once there is no loop any more."""
    _lines.write()


def configure_logging() -> None:
    """Write every log line of the process, the server's own included, as JSON to standard error."""
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # A plain traceback: a richer one would show the values of local variables, secrets among them.
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=_json)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.BytesLoggerFactory(file=sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def _json(event: dict[str, object], **_: object) -> bytes:
    return msgspec.json.encode(event)
