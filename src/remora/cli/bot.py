"""`remora bot`: the bots and their credentials."""

from __future__ import annotations

from typing import Any

import click

from remora import rfc3339
from remora.cli import shell
from remora.ledger import expiry
from remora.model import Bot
from remora.service import bots, pairs
from remora.service.pairs import MAX_OVERLAP_MINUTES, Pair

OVERLAP = click.IntRange(0, MAX_OVERLAP_MINUTES)


@click.group()
def bot() -> None:
    """Make and manage bots: each has its own clients, points and credentials."""


@bot.command()
@click.argument("name")
@click.option("--bot-id", help="The id to give it; one is made up otherwise.")
@click.option("--overlap-minutes", type=OVERLAP, default=0, help="How long a replaced pair still works [0].")
@click.option("--expiry-policy", default="none", help=f"When grants without a date expire: {expiry.FORM} [none].")
@click.option("--time-zone", default="UTC", help="The IANA time zone in which they do [UTC].")
@shell.with_json
def create(
    name: str, bot_id: str | None, overlap_minutes: int, expiry_policy: str, time_zone: str, as_json: bool
) -> None:
    """Make a bot, and print its id, token and secret: this once."""
    with shell.installation() as installation:
        pair = bots.create(
            installation,
            name,
            bot_id,
            overlap_minutes=overlap_minutes,
            expiry_policy=expiry_policy,
            time_zone=time_zone,
        )
    _print_pair(pair, as_json)


@bot.command("list")
@shell.with_json
def list_bots(as_json: bool) -> None:
    """List the bots."""
    with shell.installation() as installation:
        every = bots.every(installation)
    if as_json:
        shell.print_json({"bots": [_as_json(each) for each in every]})
        return
    shell.print_table(
        ["BOT", "NAME", "API", "OVERLAP", "CREATED"],
        [
            (
                each.bot_id,
                each.name,
                _on(each),
                f"{each.overlap_minutes} min",
                rfc3339.render(each.created_at),
            )
            for each in every
        ],
    )


@bot.command()
@click.argument("bot_id", metavar="BOT")
@shell.with_json
def show(bot_id: str, as_json: bool) -> None:
    """Show a bot, and the age of its pair."""
    with shell.installation() as installation:
        status = bots.show(installation, bot_id)
    issued, expires = rfc3339.render(status.pair.created_at), rfc3339.render(status.pair.expires_at)
    if as_json:
        shell.print_json({**_as_json(status.bot), "pair": {"createdAt": issued, "expiresAt": expires}})
        return
    shell.print_fields([*_fields(status.bot), ("pair issued", issued), ("pair expires", expires)])


@bot.command()
@click.argument("bot_id", metavar="BOT")
@click.option("--name", help="What to call it.")
@click.option("--overlap-minutes", type=OVERLAP, help="How long a replaced pair still works.")
@click.option("--expiry-policy", help=f"When grants to come without a date expire: {expiry.FORM}.")
@click.option("--time-zone", help="The IANA time zone in which they do.")
@shell.with_json
def update(bot_id: str, as_json: bool, **changes: Any) -> None:
    """Change a bot. A new policy is for grants to come."""
    if all(change is None for change in changes.values()):
        raise click.UsageError("give at least one option that says what to change")
    with shell.installation() as installation:
        _print_bot(bots.update(installation, bot_id, **changes), as_json)


@bot.command()
@click.argument("bot_id", metavar="BOT")
@click.option("--overlap-minutes", type=OVERLAP, help="Let the old pair work this long, instead of the bot's overlap.")
@shell.with_json
def rotate(bot_id: str, overlap_minutes: int | None, as_json: bool) -> None:
    """Replace a bot's token and secret, and print the new ones: this once."""
    with shell.installation() as installation:
        _print_pair(pairs.rotate(installation, bot_id, overlap_minutes), as_json)


@bot.command()
@click.argument("bot_id", metavar="BOT")
@shell.with_json
def enable(bot_id: str, as_json: bool) -> None:
    """Let a bot use the API."""
    with shell.installation() as installation:
        _print_bot(bots.update(installation, bot_id, api_enabled=True), as_json)


@bot.command()
@click.argument("bot_id", metavar="BOT")
@shell.with_json
def disable(bot_id: str, as_json: bool) -> None:
    """Refuse a bot the API, from now on; its data stays."""
    with shell.installation() as installation:
        _print_bot(bots.update(installation, bot_id, api_enabled=False), as_json)


def _print_pair(pair: Pair, as_json: bool) -> None:
    expires = rfc3339.render(pair.expires_at)
    if as_json:
        shell.print_json(
            {
                "botId": pair.bot_id,
                "apiToken": pair.api_token,
                "apiSecret": pair.api_secret,
                "expiresAt": expires,
            }
        )
        return
    shell.print_fields(
        [
            ("bot id", pair.bot_id),
            ("token", pair.api_token),
            ("secret", pair.api_secret),
            ("expires", expires),
        ]
    )
    click.echo("Keep the token and the secret now: they are not shown again.", err=True)


def _print_bot(changed: Bot, as_json: bool) -> None:
    if as_json:
        shell.print_json(_as_json(changed))
    else:
        shell.print_fields(_fields(changed))


def _fields(each: Bot) -> list[tuple[str, object]]:
    return [
        ("bot id", each.bot_id),
        ("name", each.name),
        ("api", _on(each)),
        ("overlap", f"{each.overlap_minutes} minutes"),
        ("expiry", each.expiry_policy),
        ("time zone", each.time_zone),
        ("created", rfc3339.render(each.created_at)),
    ]


def _as_json(each: Bot) -> dict[str, Any]:
    return {
        "botId": each.bot_id,
        "name": each.name,
        "apiEnabled": each.api_enabled,
        "overlapMinutes": each.overlap_minutes,
        "expiryPolicy": each.expiry_policy,
        "timeZone": each.time_zone,
        "createdAt": rfc3339.render(each.created_at),
    }


def _on(each: Bot) -> str:
    return "on" if each.api_enabled else "off"
