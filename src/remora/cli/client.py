"""`remora client`: the people a bot knows."""

from __future__ import annotations

import click

from remora.cli import shell
from remora.model import Client, Platform
from remora.service import clients

PAGE = 100


@click.group()
def client() -> None:
    """Add and find clients."""


@client.command()
@click.argument("bot_id", metavar="BOT")
@click.argument("platform", metavar="PLATFORM", type=click.Choice([each.value for each in Platform]))
@click.argument("platform_client_id")
@click.option("--client-id", help="The encoded id that the client brings along; one is made otherwise.")
@shell.with_json
def add(bot_id: str, platform: str, platform_client_id: str, client_id: str | None, as_json: bool) -> None:
    """Add a client, and print its encoded id. Adding one again changes nothing.

    PLATFORM is line, facebook, instagram, liveChat or whatsapp.
    """
    with shell.installation() as installation:
        added = clients.add(installation, bot_id, Platform(platform), platform_client_id, client_id)
    if as_json:
        shell.print_json(_as_json(added))
    else:
        click.echo(added.client_id)


@client.command("list")
@click.argument("bot_id", metavar="BOT")
@click.option("--after", default="", help="Go on after this encoded id.")
@click.option("--limit", type=click.IntRange(1, 1000), default=PAGE, help=f"At most so many [{PAGE}].")
@shell.with_json
def list_clients(bot_id: str, after: str, limit: int, as_json: bool) -> None:
    """List a bot's clients, in the order of their encoded ids."""
    with shell.installation() as installation:
        found = clients.page(installation, bot_id, after, limit)
    more = found[-1].client_id if len(found) == limit else None
    if as_json:
        shell.print_json({"clients": [_as_json(each) for each in found], "after": more})
        return
    shell.print_table(
        ["CLIENT", "PLATFORM", "PLATFORM CLIENT"],
        [(each.client_id, each.platform, each.platform_client_id) for each in found],
    )
    if more:
        click.echo(f"There may be more: --after {more}", err=True)


@client.command()
@click.argument("bot_id", metavar="BOT")
@click.argument("client_id")
@shell.with_json
def show(bot_id: str, client_id: str, as_json: bool) -> None:
    """Show one client."""
    with shell.installation() as installation:
        found = clients.show(installation, bot_id, client_id)
    if as_json:
        shell.print_json(_as_json(found))
        return
    shell.print_fields(
        [
            ("client id", found.client_id),
            ("platform", found.platform),
            ("platform client id", found.platform_client_id),
        ]
    )


def _as_json(each: Client) -> dict[str, str]:
    return {
        "clientId": each.client_id,
        "platform": each.platform,
        "platformClientId": each.platform_client_id,
    }
