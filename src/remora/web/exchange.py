"""One request and its answer: taken whole and given whole, where the server can do that.

ASGI hands a body over in messages, and an answer back in two, whose headers uvicorn looks through with two patterns
each. Nearly every call comes in one piece and goes out in one, with headers that are our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from remora.web.packets import KEY, Gathering


class Exchange:
    """What an application is given of a request, and gives back. In the event loop only."""

    __slots__ = ("_cycle", "_send", "receive")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.receive = receive
        self._send = send
        # It is taken out, for it leads back to the scope, and the two would be left to the garbage collector.
        self._cycle: RequestResponseCycle | None = scope.pop(KEY, None)

    def body(self, most: int) -> bytes | None:
        """The request's whole body, if it is there already and has at most `most` bytes. Else it is to be received."""
        cycle = self._cycle
        if cycle is None or cycle.more_body or cycle.disconnected or len(cycle.body) > most:
            return None
        return bytes(cycle.body)

    async def answer(
        self, status: int, headers: Sequence[tuple[bytes, bytes]], content: bytes, *, hurried: bool = False
    ) -> None:
        """Give the whole answer. The headers are ours, and go out as they are. One that is `hurried` does not wait for
        others of the same turn of the loop.
        """
        if not self._at_once(status, headers, content):
            await self._send({"type": "http.response.start", "status": status, "headers": headers})
            await self._send({"type": "http.response.body", "body": content})
        elif hurried and self._cycle and isinstance(self._cycle.transport, Gathering):
            self._cycle.transport.flush()

    def _at_once(self, status: int, headers: Sequence[tuple[bytes, bytes]], content: bytes) -> bool:
        """Do what uvicorn does with both messages. False if it cannot be done so, and nothing was."""
        cycle = self._cycle
        if cycle is None or cycle.flow.write_paused or cycle.disconnected or not cycle.keep_alive:
            return False
        if cycle.scope["method"] == "HEAD":
            return False
        head = b"\r\n".join(map(b": ".join, chain(cycle.default_headers, headers)))
        cycle.transport.write(b"".join((STATUS_LINE[status], head, b"\r\n\r\n", content)))
        cycle.response_started = cycle.response_complete = True
        cycle.on_response()
        return True
