"""`remora verify`: compute everything again from the journal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from remora.cli import shell
from remora.service import bots
from remora.service import verify as service


@click.command()
@click.argument("bot_id", metavar="[BOT]", required=False)
@click.option(
    "--file",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Verify a journal that `export` wrote, without a database.",
)
@shell.with_json
def verify(bot_id: str | None, path: Path | None, as_json: bool) -> None:
    """Verify the ledgers of one BOT, or of all: print every disagreement, and end with status 1 if there is one."""
    if bot_id is not None and path is not None:
        raise click.UsageError("give a BOT or --file, not both")
    count = 0
    for problem in _of_database(bot_id) if path is None else _of_file(path):
        # As they come, not at the end: there may be more of them than memory.
        click.echo(json.dumps({"problem": problem}, ensure_ascii=False) if as_json else problem)
        count += 1
    if as_json:
        click.echo(json.dumps({"problems": count}))
    elif not count:
        click.echo("everything agrees")
    if count:
        sys.exit(shell.REFUSED)


def _of_database(bot_id: str | None) -> Iterator[str]:
    with shell.installation() as installation:
        names = [bot_id] if bot_id else [bot.bot_id for bot in bots.every(installation)]
        with shell.progress("verifying", sum(service.work(installation, name) for name in names)) as done:
            for name in names:
                yield from service.verify(installation, name, done)


def _of_file(path: Path) -> Iterator[str]:
    with path.open("rb") as lines:
        yield from service.verify_lines(lines)
