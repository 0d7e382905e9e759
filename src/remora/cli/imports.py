"""`remora import`: clients and their opening points from a CSV file; what was imported; and taking it back."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from remora import rfc3339
from remora.cli import shell
from remora.model import NEVER
from remora.service import import_report as reports
from remora.service import imports as service
from remora.service import undoing
from remora.service.draft import Draft
from remora.service.import_report import Tally, UndoTally
from remora.service.installation import Installation
from remora.service.verdicts import VERDICTS
from remora.storage.imports import Import

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
OUT = click.Path(dir_okay=False, path_type=Path)


@click.group("import")
def imports() -> None:
    """Bring clients in from a file, and take back what was granted."""


@imports.command()
@click.argument("file", type=FILE)
@click.argument("bot_id", metavar="BOT")
@click.option("--confirm", is_flag=True, help="Carry it out; without it nothing is written but the report.")
@click.option("--report", type=OUT, help="Where the report goes [beside FILE, ending in .report.csv].")
@shell.with_json
def clients(file: Path, bot_id: str, confirm: bool, report: Path | None, as_json: bool) -> None:
    """Import clients with their opening points from FILE, a CSV file in UTF-8.

    Look at the report first, then run it with --confirm. If it was stopped, run it again: it goes on, and the same file
    never grants twice. Ends with status 1 if a row was refused.
    """
    report = report or file.with_name(f"{file.stem}.report.csv")
    if report.resolve() == file.resolve():
        raise click.UsageError("the report would replace FILE")
    with shell.installation() as installation, _read(installation, bot_id, file) as draft:
        tally = _imported(installation, draft, file, report, confirm=confirm)
    if as_json:
        counts = {"rows": draft.count, **tally.rows, "points": tally.points, "grantedBefore": tally.again}
        shell.print_json({"importId": draft.import_id, "confirmed": confirm, **counts, "report": str(report)})
    else:
        _tell(draft, tally, report, confirmed=confirm)
    if tally.refused:
        sys.exit(shell.REFUSED)


@imports.command("list")
@click.argument("bot_id", metavar="BOT")
@shell.with_json
def list_imports(bot_id: str, as_json: bool) -> None:
    """List a bot's imports, oldest first."""
    with shell.installation() as installation:
        every = service.every(installation, bot_id)
    if as_json:
        shell.print_json({"imports": [_as_json(each) for each in every]})
        return
    shell.print_table(
        ["IMPORT", "FILE", "STATE", "BEGAN", "ROWS", "CLIENTS", "GRANTS", "POINTS", "TAKEN BACK"],
        [
            (
                *(each.import_id, each.name, service.state(each), rfc3339.render(each.began_at), each.row_count),
                *(each.clients_made, each.grants, each.points, each.taken),
            )
            for each in every
        ],
    )


@imports.command()
@click.argument("bot_id", metavar="BOT")
@click.argument("import_id", metavar="ID")
@click.option("--report", type=OUT, help="Where the report goes [ID.undo.csv in the current folder].")
@shell.with_json
def undo(bot_id: str, import_id: str, report: Path | None, as_json: bool) -> None:
    """Take back what an import granted, of each row what is left; its clients stay.

    If it was stopped, run it again. Ends with status 1 if points were lacking: used, held or expired.
    """
    tally = UndoTally()
    with shell.installation() as installation:
        grants = service.show(installation, bot_id, import_id).grants
        report = report or Path(f"{import_id}.undo.csv")
        with shell.told_progress("taking back", grants, "rows") as done:
            _write(report, reports.of_undoing(undoing.undo(installation, bot_id, import_id, done), tally))
    if as_json:
        points = {"taken": tally.taken, "lacking": tally.lacking}
        shell.print_json({"importId": import_id, "rows": tally.rows, **points, "report": str(report)})
    else:
        click.echo(f"{tally.taken} points were taken back (rows: {tally.rows}); the clients stay")
        if tally.short_rows:
            click.echo(f"{tally.lacking} points were lacking (rows: {tally.short_rows}): used, held or expired")
        click.echo(f"report: {report}")
    if tally.short_rows:
        sys.exit(shell.REFUSED)


def _read(installation: Installation, bot_id: str, file: Path) -> Draft:
    with file.open("rb") as stream, shell.told_progress("reading", file.stat().st_size, "bytes") as done:
        return service.read(installation, bot_id, stream, done)


def _imported(installation: Installation, draft: Draft, file: Path, report: Path, *, confirm: bool) -> Tally:
    tally = Tally()
    with shell.told_progress("importing" if confirm else "checking", draft.count, "rows") as done:
        verdicts = (
            service.run(installation, draft, file.name, done) if confirm else service.check(installation, draft, done)
        )
        _write(report, reports.of_import(verdicts, tally))
    return tally


def _write(report: Path, lines: Iterable[bytes]) -> None:
    with shell.whole_file(report) as out:
        out.writelines(lines)


def _tell(draft: Draft, tally: Tally, report: Path, *, confirmed: bool) -> None:
    click.echo(f"import {draft.import_id}: {draft.count} rows")
    meant = {
        "new": f"clients {'made' if confirmed else 'to make'}",
        "grant": f"clients that are there, {'and were granted points' if confirmed else 'and will be granted points'}",
        "exists": "clients that are there, and get no points",
        "unchanged": "granted before by this import",
        "refused": "not imported; the report says why",
    }
    shell.print_fields([(verdict, f"{tally.rows[verdict]:>9}  {meant[verdict]}") for verdict in VERDICTS])
    click.echo(f"{tally.points} points {'were' if confirmed else 'will be'} granted")
    if tally.again:
        click.echo(f"Careful: {tally.again} of these clients have points of another import already; see the report.")
    click.echo(f"report: {report}")
    if not confirmed:
        click.echo("Nothing was written. To carry it out, run it again with --confirm.")


def _as_json(each: Import) -> dict[str, Any]:
    times = {"finishedAt": each.finished_at, "undoBeganAt": each.undo_began_at, "undoneAt": each.undone_at}
    return {
        "importId": each.import_id,
        "file": each.name,
        "state": service.state(each),
        "rows": each.row_count,
        "clientsMade": each.clients_made,
        "grants": each.grants,
        "points": each.points,
        "taken": each.taken,
        "lacking": each.lacking,
        "beganAt": rfc3339.render(each.began_at),
        **{name: rfc3339.render(at) for name, at in times.items() if at != NEVER},
    }
