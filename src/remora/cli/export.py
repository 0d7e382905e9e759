"""`remora export`: a bot's journal as JSON Lines."""

from __future__ import annotations

import sys

import click

from remora.cli import shell
from remora.errors import Refusal
from remora.service.export import export as lines_of


@click.command()
@click.argument("bot_id", metavar="BOT")
def export(bot_id: str) -> None:
    """Print a bot's journal, a line of JSON for each entry, with its hash: `remora verify --file` checks it."""
    out = sys.stdout.buffer
    try:
        with shell.installation() as installation:
            for line in lines_of(installation, bot_id):
                out.write(line)
    except Refusal as refusal:
        shell.fail(refusal)
