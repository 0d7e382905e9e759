"""`remora operator`: the people who use the console."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from remora import rfc3339
from remora.cli import shell
from remora.model import Operator, Role
from remora.service import operators, passwords

ROLES = click.Choice([each.value for each in Role])


def role_options(command: Callable[..., None]) -> Callable[..., None]:
    """What someone may do, and for whom."""
    for option in (
        click.option("--bot", "bot_ids", metavar="BOT", multiple=True, help="A bot of staff or viewers; repeat it."),
        click.option("--role", type=ROLES, required=True, help="All; change points of bots; or read them."),
    ):
        command = option(command)
    return command


def password_option(command: Callable[..., None]) -> Callable[..., None]:
    """Where the password comes from: never from the command line, where others see it."""
    return click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")(command)


@click.group()
def operator() -> None:
    """Make and manage those who sign in to the console."""


@operator.command()
@click.argument("name")
@role_options
@password_option
@shell.with_json
def add(name: str, role: str, bot_ids: tuple[str, ...], password_stdin: bool, as_json: bool) -> None:
    """Add an operator. The password is asked for twice, and not shown."""
    password = _password(password_stdin)
    with shell.installation() as installation:
        _print(operators.add(installation, name, Role(role), bot_ids, password), as_json)


@operator.command("list")
@shell.with_json
def list_operators(as_json: bool) -> None:
    """List the operators."""
    with shell.installation() as installation:
        every = operators.every(installation)
    if as_json:
        shell.print_json({"operators": [_as_json(each) for each in every]})
        return
    shell.print_table(
        ["NAME", "ROLE", "BOTS", "STATE", "CREATED"],
        [(each.name, each.role, _bots(each), _state(each), rfc3339.render(each.created_at)) for each in every],
    )


@operator.command()
@click.argument("name")
@role_options
@shell.with_json
def update(name: str, role: str, bot_ids: tuple[str, ...], as_json: bool) -> None:
    """Give an operator another role, or other bots: from their next request on."""
    with shell.installation() as installation:
        _print(operators.update(installation, name, Role(role), bot_ids), as_json)


@operator.command()
@click.argument("name")
@password_option
@shell.with_json
def passwd(name: str, password_stdin: bool, as_json: bool) -> None:
    """Give an operator another password, and sign them out everywhere."""
    password = _password(password_stdin)
    with shell.installation() as installation:
        _print(operators.set_password(installation, name, password), as_json)


@operator.command()
@click.argument("name")
@shell.with_json
def disable(name: str, as_json: bool) -> None:
    """Let an operator sign in no more, and sign them out everywhere."""
    with shell.installation() as installation:
        _print(operators.set_disabled(installation, name, disabled=True), as_json)


@operator.command()
@click.argument("name")
@shell.with_json
def enable(name: str, as_json: bool) -> None:
    """Let an operator sign in again."""
    with shell.installation() as installation:
        _print(operators.set_disabled(installation, name, disabled=False), as_json)


@operator.command("sign-out")
@click.argument("name")
@shell.with_json
def sign_out(name: str, as_json: bool) -> None:
    """Sign an operator out everywhere."""
    with shell.installation() as installation:
        _print(operators.sign_out(installation, name), as_json)


@operator.command()
@click.argument("name")
@shell.with_json
def remove(name: str, as_json: bool) -> None:
    """Forget an operator. Their name stays in the journals: rather disable one who has changed points."""
    with shell.installation() as installation:
        operators.remove(installation, name)
    if as_json:
        shell.print_json({"removed": name})
    else:
        click.echo(f"removed {name}")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return passwords.check(sys.stdin.readline().rstrip("\r\n"))
    asked: str = click.prompt("Password", hide_input=True, confirmation_prompt="Again", err=True)
    return passwords.check(asked)


def _print(each: Operator, as_json: bool) -> None:
    if as_json:
        shell.print_json(_as_json(each))
        return
    shell.print_fields(
        [
            ("name", each.name),
            ("role", each.role),
            ("bots", _bots(each)),
            ("state", _state(each)),
            ("created", rfc3339.render(each.created_at)),
        ]
    )


def _bots(each: Operator) -> str:
    return "all" if each.role is Role.ADMIN else ", ".join(sorted(each.bots))


def _state(each: Operator) -> str:
    return "disabled" if each.disabled else "enabled"


def _as_json(each: Operator) -> dict[str, Any]:
    return {
        "name": each.name,
        "role": each.role,
        "bots": sorted(each.bots),
        "disabled": each.disabled,
        "createdAt": rfc3339.render(each.created_at),
    }
