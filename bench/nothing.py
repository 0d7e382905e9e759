"""The ceiling: an ASGI application that reads the body and does nothing else."""

from __future__ import annotations

from starlette.types import Receive, Scope, Send

CONTENT = b'{"success":true,"message":"Get client points successfully","points":[]}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(CONTENT)).encode())]


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Read all, answer the same."""
    assert scope["type"] == "http"
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": CONTENT})
