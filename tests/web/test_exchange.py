"""However a request comes, whole, in pieces, or with others behind it, its answer is the same."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPResponse
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from remora.service.installation import Installation
from remora.settings import Settings
from remora.web import body, packets
from remora.web.app import Application
from tests.cast import POINT, Api, Shop
from tests.conftest import Switchboard

# Each answer's own: the time, a number, what is left of a limit.
PASSING = {"date", "x-request-id", "ratelimit"}
PATIENCE_SECONDS = 10


@pytest.fixture
def client_id(shop: Shop) -> str:
    return shop.client(30)


@pytest.fixture
def connection(api: Api) -> Iterator[socket.socket]:
    """A connection to the server with nothing between that would put its bytes in order."""
    address = api.http.base_url.host, api.http.base_url.port
    with closing(socket.create_connection(address, timeout=PATIENCE_SECONDS)) as made:
        yield made


def request(shop: Shop, client_id: str, *headers: str, version: str = "1.1") -> tuple[bytes, bytes]:
    """Head and body of a look-up."""
    content = json.dumps({"secret": shop.secret, "clientIds": [client_id]}).encode()
    lines = [
        f"POST {POINT}?botId={shop.bot_id} HTTP/{version}",
        "Host: localhost",
        f"Authorization: Bearer {shop.token}",
        *(
            headers
            if any("encoding" in each.lower() for each in headers)
            else (f"Content-Length: {len(content)}", *headers)
        ),
    ]
    return "\r\n".join([*lines, "", ""]).encode(), content


def answered(connection: socket.socket) -> tuple[int, dict[str, str], Any]:
    """Status, headers and content of the connection's next answer."""
    # Without a buffer, which would take from the socket what belongs to the next answer.
    response = HTTPResponse(_Unbuffered(connection))  # type: ignore[arg-type]  # it has what is used of a socket
    response.begin()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return response.status, headers, json.loads(response.read())


class _Unbuffered:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def makefile(self, _: str) -> Any:
        return self._connection.makefile("rb", buffering=0)


def lasting(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in PASSING}


def by_messages(application: Application, shop: Shop, head: bytes, content: bytes) -> tuple[int, dict[str, str], Any]:
    """The answer of an application whose server knows ASGI's messages only."""
    lines = head.decode().split("\r\n")
    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": POINT,
        "query_string": f"botId={shop.bot_id}".encode(),
        "headers": [
            (name.lower().encode(), value.encode())
            for name, _, value in (line.partition(": ") for line in lines[1:] if line)
        ],
        "client": ("127.0.0.1", 1),
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(application(scope, receive, send))
    start, rest = sent
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], headers, json.loads(rest["body"])


def test_the_server_leaves_its_account_of_each_request(
    connection: socket.socket, shop: Shop, client_id: str, switchboard: tuple[Switchboard, str]
) -> None:
    board, _ = switchboard
    application = board.application
    left: list[object] = []
    assert application is not None

    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        left.append(scope.get(packets.KEY))
        await application(scope, receive, send)

    board.application = noting  # type: ignore[assignment]  # it is only called
    try:
        connection.sendall(b"".join(request(shop, client_id)))
        assert answered(connection)[0] == 200
    finally:
        board.application = application
    [cycle] = left
    assert isinstance(cycle, RequestResponseCycle), "every request would be done by messages, and nobody would notice"
    assert cycle.response_complete


def test_it_is_what_asgi_messages_would_have_brought(
    connection: socket.socket, shop: Shop, client_id: str, installation: Installation, settings: Settings
) -> None:
    for asked in (client_id, "nobody"):
        head, content = request(shop, asked)
        connection.sendall(head + content)
        status, headers, answer = answered(connection)
        application = Application(installation, settings)
        try:
            by_asgi = by_messages(application, shop, head, content)
        finally:
            application.close()
        assert (status, lasting(headers), answer) == (by_asgi[0], lasting(by_asgi[1]), by_asgi[2])
        assert headers.keys() >= PASSING


def test_a_body_that_comes_later_or_in_pieces_is_waited_for(
    connection: socket.socket, shop: Shop, client_id: str
) -> None:
    head, content = request(shop, client_id, "Expect: 100-continue")
    connection.sendall(head)
    assert connection.recv(1_000).startswith(b"HTTP/1.1 100"), "the head was not taken by itself"
    connection.sendall(content[:7])
    connection.sendall(content[7:])
    assert answered(connection)[0] == 200


def test_a_chunked_body_is_taken(connection: socket.socket, shop: Shop, client_id: str) -> None:
    head, content = request(shop, client_id, "Transfer-Encoding: chunked")
    connection.sendall(head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content))
    assert answered(connection)[0] == 200


def test_requests_that_come_together_are_answered_in_order(
    connection: socket.socket, shop: Shop, client_id: str
) -> None:
    asked = [client_id, "nobody", client_id, "nobody", client_id]
    connection.sendall(b"".join(b"".join(request(shop, each, f"X-Request-Id: {n}")) for n, each in enumerate(asked)))
    answers = [answered(connection) for _ in asked]
    assert [status for status, _, _ in answers] == [200, 404, 200, 404, 200]
    assert [headers["x-request-id"] for _, headers, _ in answers] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(("version", "header"), [("1.1", "Connection: close"), ("1.0", "X-Old: yes")])
def test_a_connection_that_is_not_kept_is_closed_after_the_answer(
    connection: socket.socket, shop: Shop, client_id: str, version: str, header: str
) -> None:
    connection.sendall(b"".join(request(shop, client_id, header, version=version)))
    status, headers, _ = answered(connection)
    assert (status, headers["connection"]) == (200, "close")
    assert connection.recv(1) == b"", "the connection is open still"


def test_a_body_that_is_too_large_is_refused_though_it_is_there(
    connection: socket.socket, shop: Shop, client_id: str
) -> None:
    head, _ = request(shop, client_id, "Transfer-Encoding: chunked")
    content = b" " * (body.MAX_BYTES + 1)
    connection.sendall(head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content))
    assert answered(connection)[0] == 413
