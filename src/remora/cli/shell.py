"""What every command has in common: opening the installation, telling refusals, printing for people or scripts."""

from __future__ import annotations

import functools
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NoReturn, ParamSpec

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from remora import settings
from remora.clock import SystemClock
from remora.errors import Refusal
from remora.service.installation import Installation, open_installation
from remora.settings import Settings, SettingsError

REFUSED = 1
MISUSED = 2

LONG = 10_000
"""What has fewer parts is over before anyone asks."""

Options = ParamSpec("Options")


def with_json(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command `--json`, and tell a refusal in the form that was asked for."""

    @click.option("--json", "as_json", is_flag=True, help="Print JSON, with the field names of the API.")
    @functools.wraps(command)
    def told(*args: Any, as_json: bool, **options: Any) -> None:
        try:
            command(*args, as_json=as_json, **options)
        except Refusal as refusal:
            fail(refusal, as_json)

    return told


def fail(refusal: Refusal, as_json: bool = False) -> NoReturn:
    """Tell a refusal on standard error, and end with status 1."""
    if as_json:
        detail = {"message": refusal.message, "code": refusal.code}
        click.echo(json.dumps({"success": False, "errResponse": detail}, ensure_ascii=False), err=True)
    else:
        click.echo(f"remora: {refusal.message} (code {refusal.code})", err=True)
    sys.exit(REFUSED)


def read_settings() -> Settings:
    """The settings; every bad one is told, and the command ends with status 2."""
    try:
        return settings.load()
    except SettingsError as error:
        for problem in error.problems:
            click.echo(f"remora: {problem}", err=True)
        sys.exit(MISUSED)


@contextmanager
def installation() -> Iterator[Installation]:
    """The installation that the settings name, closed at the end."""
    opened = open_installation(read_settings(), SystemClock())
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error if that is a terminal; give it how much more was done."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)


@contextmanager
def told_progress(what: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """As `progress`; where there is no terminal, a plain line on standard error for each tenth of what is long."""
    done, tenths = 0, 0

    def tell(count: int) -> None:
        nonlocal done, tenths
        done += count
        if done * 10 // total > tenths:
            tenths = done * 10 // total
            click.echo(f"{what}: {done:,} of {total:,} {unit}", err=True)

    with progress(what, total) as bar:
        yield bar if total < LONG or sys.stderr.isatty() else tell


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write, readable by its owner only, that is at its place once it is whole: it replaces what was there.
    A device or a pipe is written to as it is. Where it cannot be written, say so and end with status 1.
    """
    try:
        with _beside(path) if path.is_file() or not path.exists() else path.open("wb") as file:
            yield file
    except OSError as problem:
        click.echo(f"remora: {path} cannot be written: {problem.strerror}", err=True)
        sys.exit(REFUSED)


@contextmanager
def _beside(path: Path) -> Iterator[IO[bytes]]:
    handle, partial = tempfile.mkstemp(".partial", f".{path.name}.", path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(partial).replace(path)
    finally:
        Path(partial).unlink(missing_ok=True)


def print_json(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_fields(fields: Sequence[tuple[str, object]]) -> None:
    """One field a line, aligned: easy to read, and to copy from."""
    width = max(len(name) for name, _ in fields)
    for name, value in fields:
        click.echo(f"{name:<{width}}  {value}")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table; where it does not fit it is folded, never cut."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(str(value) for value in row))
    Console(markup=False, highlight=False, emoji=False).print(table)
