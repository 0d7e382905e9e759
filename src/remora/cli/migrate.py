"""`remora migrate`: bring the database to this version's schema."""

from __future__ import annotations

import click

from remora.cli import shell
from remora.clock import SystemClock
from remora.service import installation


@click.command()
@click.option("--citus", is_flag=True, help="Distribute the tables over a Citus cluster, too: every bot's by its id.")
@shell.with_json
def migrate(citus: bool, as_json: bool) -> None:
    """Make the database if there is none, and apply the migrations that it lacks.

    With --citus, on the cluster's coordinator, it also distributes what is not distributed yet.
    """
    settings, clock = shell.read_settings(), SystemClock()
    distributed: list[str] = []
    if citus:
        applied, distributed = installation.distribute(settings, clock)
    else:
        applied = installation.migrate(settings, clock)
    if as_json:
        told = {"database": str(settings.database), "applied": applied}
        shell.print_json(told | {"distributed": distributed} if citus else told)
        return
    for name in applied:
        click.echo(f"applied {name}")
    for name in distributed:
        click.echo(f"distributed {name}")
    if citus and not distributed:
        click.echo("every table was distributed already")
    click.echo(f"{settings.database} is up to date")
