"""The `remora` command: one small file for each noun."""

from __future__ import annotations

import click

from remora import __version__
from remora.cli import backup, bot, client, demo, export, migrate, move, openapi, points, serve, tidy, verify


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="remora")
def main() -> None:
    """A self-hosted points service for chat audiences.

    Settings are environment variables; docs/reference/settings.md lists them.
    """


for command in (
    migrate.migrate,
    move.move,
    bot.bot,
    client.client,
    points.points,
    serve.serve,
    tidy.tidy,
    verify.verify,
    export.export,
    backup.backup,
    openapi.openapi,
    demo.demo,
):
    main.add_command(command)
