"""The databases that tests make on a server, be it their own or an outside one."""

from __future__ import annotations

from secrets import token_hex
from urllib.parse import urlsplit

import psycopg
from psycopg.sql import SQL, Composed, Identifier


class Databases:
    """Made under names that nobody else uses, so that other tests, and others' data, may be on the same server."""

    def __init__(self, url: str) -> None:
        """A URL of the server, with a database to connect to and a user who may make more."""
        self.server = url
        self._prefix = f"remora_test_{token_hex(4)}_"
        self._made: dict[str, None] = {}

    def url(self, name: str) -> str:
        return urlsplit(self.server)._replace(path=f"/{self._prefix}{name}").geturl()

    def create(self, name: str, template: str | None = None) -> str:
        """Make an empty database, or a copy of one of ours that nobody is connected to; its URL."""
        command = SQL("CREATE DATABASE {}").format(self._identifier(name))
        if template is not None:
            # For a template as small as ours this takes half the time of the default, WAL_LOG.
            command += SQL(" TEMPLATE {} STRATEGY FILE_COPY").format(self._identifier(template))
        self._run(command)
        self._made[name] = None
        return self.url(name)

    def drop(self, name: str) -> None:
        """Drop one of ours, and end the connections to it."""
        self._run(SQL("DROP DATABASE {} WITH (FORCE)").format(self._identifier(name)))
        del self._made[name]

    def close(self) -> None:
        for name in list(self._made):
            self.drop(name)

    def _identifier(self, name: str) -> Identifier:
        return Identifier(self._prefix + name)

    def _run(self, command: Composed) -> None:
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(command)
