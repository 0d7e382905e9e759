"""`remora backup`: a copy of the database that is safe to take while it is in use."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from remora.cli import shell
from remora.service import backup as service


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@shell.with_json
def backup(file: Path, force: bool, as_json: bool) -> None:
    """Copy the SQLite database into FILE while it is in use, and check the copy.

    FILE is there whole, or not at all. Like the database it holds secrets, and is made readable by its owner only.
    """
    signal.signal(signal.SIGTERM, _stop)
    settings = shell.read_settings()
    with shell.progress("backing up", service.work(settings)) as done:
        size = service.backup(settings, file, replace=force, done=done)
    if as_json:
        shell.print_json({"file": str(file), "bytes": size})
    else:
        click.echo(f"backed up {settings.database} to {file}: {size:,} bytes")


def _stop(number: int, _: FrameType | None) -> NoReturn:
    """End as an exception does, so that nothing is left behind."""
    sys.exit(128 + number)
