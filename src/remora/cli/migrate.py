"""`remora migrate`: bring the database to this version's schema."""

from __future__ import annotations

import click

from remora.cli import shell
from remora.clock import SystemClock
from remora.service.installation import migrate as migrate_installation


@click.command()
@shell.with_json
def migrate(as_json: bool) -> None:
    """Make the database if there is none, and apply the migrations that it lacks."""
    settings = shell.read_settings()
    applied = migrate_installation(settings, SystemClock())
    if as_json:
        shell.print_json({"database": str(settings.database), "applied": applied})
        return
    for name in applied:
        click.echo(f"applied {name}")
    click.echo(f"{settings.database} is up to date")
