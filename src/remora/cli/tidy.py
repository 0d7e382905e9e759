"""`remora tidy`: settle what is due, and forget old idempotency keys and uploads."""

from __future__ import annotations

import click

from remora.cli import shell
from remora.service import bots
from remora.service import tidy as service


@click.command()
@click.argument("bot_id", metavar="[BOT]", required=False)
@shell.with_json
def tidy(bot_id: str | None, as_json: bool) -> None:
    """Settle expired lots and timed-out holds, and forget keys older than 30 days and old files of imports.

    It never changes an answer: run it from time to time, or not. Of one BOT, or of all.
    """
    with shell.installation() as installation:
        names = [bots.show(installation, bot_id).bot.bot_id] if bot_id else [b.bot_id for b in bots.every(installation)]
        settled = forgotten = 0
        with shell.progress("tidying", sum(service.work(installation, name) for name in names)) as done:
            for name in names:
                clients, keys = service.tidy(installation, name, done)
                settled, forgotten = settled + clients, forgotten + keys
    if as_json:
        shell.print_json({"clientsSettled": settled, "keysForgotten": forgotten})
    else:
        click.echo(f"settled {settled} clients, forgot {forgotten} keys")
