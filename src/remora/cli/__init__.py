"""The `remora` command: one small file for each noun."""

from __future__ import annotations

from importlib import import_module

import click

from remora import __version__

COMMANDS = (
    *("migrate", "move", "bot", "operator", "client", "points", "serve", "tidy", "verify", "export", "backup"),
    *("openapi", "import", "demo"),
)
FILES = {"import": "imports"}
"""Where the file cannot have the command's name."""


class Commands(click.Group):
    """Loads a command, and what it needs, when it is called: one that asks for a balance needs no web server."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """In the order in which they are wanted."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (click's signature)
        """The command in the file of its name."""
        if cmd_name not in COMMANDS:
            return None
        file = FILES.get(cmd_name, cmd_name)
        command: click.Command = getattr(import_module(f"remora.cli.{file}"), file)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="remora")
def main() -> None:
    """A self-hosted points service for chat audiences.

    Settings are environment variables; docs/reference/settings.md lists them.
    """
