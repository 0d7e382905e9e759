"""One packet for an answer: uvicorn writes its head and its body apart, which is two system calls, two packets, and a
caller who is woken twice.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Transport

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

KEY = "remora.cycle"
"""Where our server leaves its own account of a request in the scope. Where it is not, ASGI's messages do."""

LARGE = 64 * 1024
"""Bytes; so much waits for nothing more."""


class Protocol(HttpToolsProtocol):
    """uvicorn's, on a transport that gathers, for exchanges that are whole."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it, too
        """Begin to serve a connection."""
        super().connection_made(Gathering(transport, self.loop))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        cycle.scope[KEY] = cycle  # type: ignore[literal-required]  # for us alone
        super()._start_asgi_task(cycle, app)


class Gathering(Transport):
    """A connection's transport, to which what is written in one turn of the loop goes together. It has what uvicorn
    uses of one.
    """

    def __init__(self, transport: Transport, loop: AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write at the loop's next turn."""
        if not self._parts:
            self._loop.call_soon(self.flush)
        self._parts.append(bytes(data))
        if len(data) >= LARGE:
            self.flush()

    def flush(self) -> None:
        """Write now what there is."""
        parts, self._parts = self._parts, []
        if parts and not self._transport.is_closing():
            self._transport.write(b"".join(parts))

    def close(self) -> None:
        """Close the connection, when all is written."""
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()
