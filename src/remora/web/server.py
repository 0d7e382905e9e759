"""Serving: a socket, a server, and a clean stop."""

from __future__ import annotations

import gc
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from remora.service.installation import Installation
from remora.settings import Settings
from remora.web import observe, packets
from remora.web.app import Application

GRACE_SECONDS = 10
SWITCH_SECONDS = 0.001
"""How long a thread may keep the interpreter from the others. Python's own 5 ms is what a look-up, which takes a tenth
of that, would wait for the writer each time it comes back from the network.
"""
COLLECTED_AFTER = (20_000, 20, 50)
"""How many new objects set the garbage collector off. Hardly anything here is a cycle, and Python's own 700 would mean
a hundred looks at a batch of 1,000 orders.
"""
BACKLOG = 2048


def serve(
    installation: Installation, settings: Settings, listener: socket.socket, announce: Callable[[str], None]
) -> None:
    """Serve until SIGINT or SIGTERM, then finish what was begun.

    `announce` is given the base URL; connections are taken from before it is called.
    """
    observe.configure_logging()
    application = Application(installation, settings)
    try:
        _run(uvicorn.Server(config(application, settings)), listener, announce)
    finally:
        application.close()


def _run(server: uvicorn.Server, listener: socket.socket, announce: Callable[[str], None]) -> None:
    def stop(_: int, __: FrameType | None) -> None:
        # For a signal before uvicorn listens to them, and for its raising them again once it has stopped.
        server.should_exit = True

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, stop)
    attune()
    announce(base_url(listener))
    server.run(sockets=[listener])


def attune() -> None:
    """Set the interpreter up for serving, once all that lasts as long as the process is made."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)


def config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """How the server is set up. Addresses in headers are believed only where a proxy is trusted."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=packets.Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def listen(host: str, port: int) -> socket.socket:
    """Take the address now, so that a failure is told at once and the port is known."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    return socket.create_server(address[:2], family=family, backlog=BACKLOG)


def base_url(listener: socket.socket) -> str:
    """The URL under which the listener is reached from this machine."""
    host, port = listener.getsockname()[:2]
    # An address that listens everywhere is not one to connect to.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (only compared)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
