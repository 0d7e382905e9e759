"""A worker that can be watched: it tells its pid, keeps answers back until they may go, and fails to start if told."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from pathlib import Path

from starlette.types import Receive, Scope, Send

FOLDER = Path(os.environ.get("WATCHED_FOLDER", ""))
"""Where the files below are."""
BROKEN, STUCK, GATE, BEGUN = "broken", "stuck", "gate", "begun"
"""While `broken` is there a worker fails to start, and while `stuck` is, it hangs instead. While `gate` is not there,
answers to /held/… are kept back. The last word of each path that was called is a line of `begun`.
"""
LAST_SECONDS = 5
"""How long it hangs at most once its supervisor is gone."""
BROKEN_STATUS = 3


def note(name: str) -> None:
    """Leave a word of what has begun."""
    with (FOLDER / BEGUN).open("a") as begun:
        begun.write(f"{name}\n")


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Note the call, and answer with the pid; at /stuck/… hang, and all other calls with it."""
    _, kind, name = scope["path"].split("/")
    note(name)
    while (await receive()).get("more_body"):
        pass
    if kind == STUCK:
        threading.Event().wait()
    while kind == "held" and not (FOLDER / GATE).exists():  # noqa: ASYNC110 (another process opens it)
        await asyncio.sleep(0.005)
    content = str(os.getpid()).encode()
    headers = [(b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


if __name__ == "__main__":
    if (FOLDER / BROKEN).exists():
        sys.exit(BROKEN_STATUS)
    if (FOLDER / STUCK).exists():
        note(STUCK)
        signal.pause()
    # Not before, so that one that is to fail does it without delay.
    from remora import settings
    from remora.web import observe, worker

    observe.configure_logging()
    worker.serve(application, settings.load(), LAST_SECONDS)
