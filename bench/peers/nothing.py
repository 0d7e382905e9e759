"""The ceiling: an ASGI application that reads the body and does nothing else, on the server that Remora runs on.

    REMORA_WORKERS=2 python -m bench.peers.nothing PORT

It answers what Remora answers to a look-up of one client, made once. With several workers it is served as Remora is: by
the same supervisor, with a writer that has nothing to write. With one it is one process.
"""

from __future__ import annotations

import socket
import sys

import uvicorn
from starlette.types import Receive, Scope, Send

from remora import settings
from remora.web import server, worker
from remora.web.generation import Commands
from remora.web.supervisor import supervise

CONTENT = (
    b'{"success":true,"message":"Get client points successfully",'
    b'"points":[{"platform":"line","points":1000000,"clientId":"000003389a"}]}'
)
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(CONTENT)).encode())]

COMMAND = (sys.executable, "-m", "bench.peers.nothing")
COMMANDS = Commands(worker=(*COMMAND, "worker"), writer=(*COMMAND, "writer"))


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Read all, answer the same."""
    assert scope["type"] == "http"
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": CONTENT})


def serve(port: int) -> int:
    """Serve until stopped; the status to end with."""
    read = settings.load()
    listener = server.listen("127.0.0.1", port)
    if read.workers > 1:
        return supervise(listener, read.workers, _announce, commands=COMMANDS)
    server.attune()
    _announce(server.base_url(listener))
    uvicorn.Server(server.config(application, read)).run(sockets=[listener])
    return 0


def _announce(url: str) -> None:
    print(f"serving {url}", flush=True)


def stand_by(lifeline: socket.socket) -> None:
    """Be the writer until told to stop, or until the supervisor is gone."""
    lifeline.send(worker.READY)
    lifeline.recv(1)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["worker", *_]:
            worker.serve(application, settings.load())
        case ["writer", _, lifeline]:
            stand_by(socket.socket(fileno=int(lifeline)))
        case [port]:
            sys.exit(serve(int(port)))
