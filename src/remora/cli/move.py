"""`remora move`: an installation from one store to another."""

from __future__ import annotations

import click
from msgspec.structs import replace

from remora.cli import shell
from remora.clock import SystemClock
from remora.service import move as service
from remora.service.installation import Installation, open_installation, open_target
from remora.settings import DatabaseUrl, Settings, database_url


def _url(_: click.Context, __: click.Parameter, value: str) -> DatabaseUrl:
    try:
        return database_url(value)
    except ValueError as problem:
        raise click.BadParameter(str(problem)) from problem


@click.command()
@click.option("--from", "source", required=True, callback=_url, metavar="URL", help="The database to move from.")
@click.option("--to", "target", required=True, callback=_url, metavar="URL", help="The database to move to.")
@shell.with_json
def move(source: DatabaseUrl, target: DatabaseUrl, as_json: bool) -> None:
    """Copy an installation to another database: bots, credentials, clients, journals, keys, operators.

    Run it while the server serves, to copy the bulk; stop the server, and run it again for the rest. It goes on where
    it stopped, verifies both sides, and ends well only if they are the same. Nothing changes at the source.
    """
    if source == target:
        raise click.UsageError("--from and --to are the same database")
    settings = shell.read_settings()
    opened = open_installation(replace(settings, database=source), SystemClock())
    try:
        digests = _move(opened, replace(settings, database=target))
    finally:
        opened.close()
    if as_json:
        shell.print_json({"from": str(source), "to": str(target), "digests": digests})
        return
    shell.print_table(["BOT", "SHA-256 OF BOTH SIDES"], list(digests.items()))
    click.echo(f"{target} is a whole copy; set REMORA_DATABASE_URL to it, and serve")


def _move(source: Installation, settings: Settings) -> dict[str, str]:
    target = open_target(settings, source.clock)
    try:
        work = service.work(source)
        with shell.progress("copying", work) as done:
            service.copy(source, target, done)
        # Each side is verified, and each is read once more for its digest.
        with shell.progress("comparing", 4 * work) as done:
            return service.finish(source, target, done)
    finally:
        target.close()
