"""`remora export`: a bot's clients with their balances, and its journal, as CSV or JSON Lines."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from remora.cli import shell
from remora.cli.points import Instant
from remora.errors import Refusal
from remora.service import journal_sheet, standing
from remora.service.export import export as lines_of

FORMAT = click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), help="CSV, or a line of JSON for each.")
OUTPUT = click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file, not to standard output."
)
BOM = click.option("--bom", is_flag=True, help="Begin a CSV with a byte order mark: spreadsheets see that it is UTF-8.")


class JournalUnlessNamed(click.Group):
    """`export BOT` is `export journal BOT`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        named = args[0] in self.commands or args[0].startswith("-")
        return super().resolve_command(ctx, args if named else ["journal", *args])


@click.group(cls=JournalUnlessNamed)
def export() -> None:
    """Print a bot's clients or its journal. `export BOT` prints the journal as JSON Lines."""


@export.command()
@click.argument("bot_id", metavar="BOT")
@click.option("--at", type=Instant(), help="At which instant, past or future [now].")
@FORMAT
@BOM
@OUTPUT
def clients(bot_id: str, at: int | None, form: str | None, bom: bool, output: Path | None) -> None:
    """Print every client with its balance at an instant, as CSV unless told. `import clients` reads it too."""
    _check(form or "csv", bom=bom)
    try:
        with (
            shell.installation() as installation,
            shell.told_progress("exporting", standing.work(installation, bot_id), "clients") as done,
        ):
            found = standing.standings(installation, bot_id, at, done)
            _write(standing.as_lines(found) if form == "jsonl" else standing.as_csv(found, bom=bom), output)
    except Refusal as refusal:
        shell.fail(refusal)


@export.command()
@click.argument("bot_id", metavar="BOT")
@FORMAT
@BOM
@OUTPUT
def journal(bot_id: str, form: str | None, bom: bool, output: Path | None) -> None:
    """Print the journal, as JSON Lines unless told: `remora verify --file` checks those."""
    _check(form or "jsonl", bom=bom)
    try:
        with shell.installation() as installation:
            csv = form == "csv"
            _write(
                journal_sheet.as_csv(installation, bot_id, bom=bom) if csv else lines_of(installation, bot_id), output
            )
    except Refusal as refusal:
        shell.fail(refusal)


def _check(form: str, *, bom: bool) -> None:
    if bom and form != "csv":
        raise click.UsageError("--bom is for CSV")


def _write(lines: Iterator[bytes], output: Path | None) -> None:
    if output is None:
        sys.stdout.buffer.writelines(lines)
        return
    with shell.whole_file(output) as out:
        out.writelines(lines)
