"""`remora serve`: the server."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable

import click
from msgspec.structs import replace

from remora.cli import shell
from remora.clock import SystemClock
from remora.errors import Refusal
from remora.service.installation import Installation, open_installation
from remora.settings import MAX_WORKERS, Settings
from remora.web import server
from remora.web.supervisor import supervise


@click.command()
@click.option("--host", help="The address to listen on [REMORA_HOST, 127.0.0.1].")
@click.option("--port", type=click.IntRange(0, 65535), help="The port; 0 takes a free one [REMORA_PORT, 8000].")
@click.option("--workers", type=click.IntRange(1, MAX_WORKERS), help="How many processes serve [REMORA_WORKERS, 1].")
def serve(host: str | None, port: int | None, workers: int | None) -> None:
    """Answer API calls until stopped. Refuses a database that lacks a migration."""
    settings = with_address(shell.read_settings(), host, port)
    settings = replace(settings, workers=workers or settings.workers)
    try:
        # Several workers open it anew, each for itself; here it is told once, and before they start, if it is refused.
        installation = open_installation(settings, SystemClock(), serving=True)
    except Refusal as refusal:
        shell.fail(refusal)
    if settings.workers == 1:
        run(installation, settings, _announce)
        return
    installation.close()
    sys.exit(supervise(_listen(settings), settings.workers, _announce))


def with_address(settings: Settings, host: str | None, port: int | None) -> Settings:
    """The settings, with what the command line says of the address."""
    return replace(settings, host=host or settings.host, port=settings.port if port is None else port)


def run(installation: Installation, settings: Settings, announce: Callable[[str], None]) -> None:
    """Serve until stopped, and close; where the address cannot be had, say so and end with status 1."""
    try:
        server.serve(installation, settings, _listen(settings), announce)
    finally:
        installation.close()


def _listen(settings: Settings) -> socket.socket:
    """Take the address; where it cannot be had, say so and end with status 1."""
    try:
        return server.listen(settings.host, settings.port)
    except OSError as problem:
        click.echo(f"remora: cannot listen on {settings.host} port {settings.port}: {problem.strerror}", err=True)
        sys.exit(shell.REFUSED)


def _announce(url: str) -> None:
    click.echo(f"serving {url}/api", err=True)
