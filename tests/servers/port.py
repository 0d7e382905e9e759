"""A port of the loopback interface that stays ours while its server is down."""

from __future__ import annotations

import socket

HOST = "127.0.0.1"


class Port:
    """A free port, bound but never listened on: nobody else is given it, and a server, which may bind it as well
    because both ask to reuse the address, finds it free each time it starts. While none listens, a connection is
    refused.
    """

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((HOST, 0))
        self.number: int = self._socket.getsockname()[1]

    def close(self) -> None:
        self._socket.close()
