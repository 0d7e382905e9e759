"""The ceiling: an ASGI application that reads the body and does nothing else, on the server that Remora runs on.

    python -m bench.peers.nothing PORT

It answers what Remora answers to a look-up of one client, made once.
"""

from __future__ import annotations

import sys

import uvicorn
from starlette.types import Receive, Scope, Send

from remora import settings
from remora.web import server

CONTENT = (
    b'{"success":true,"message":"Get client points successfully",'
    b'"points":[{"platform":"line","points":1000000,"clientId":"000003389a"}]}'
)
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(CONTENT)).encode())]


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Read all, answer the same."""
    assert scope["type"] == "http"
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": CONTENT})


if __name__ == "__main__":
    listener = server.listen("127.0.0.1", int(sys.argv[1]))
    uvicorn.Server(server.config(application, settings.load())).run(sockets=[listener])
