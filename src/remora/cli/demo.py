"""`remora demo`: a server with something in it, and commands to paste."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
from pathlib import Path
from typing import Any

import click
from msgspec import Struct
from msgspec.structs import replace

from remora import ids
from remora.cli import shell
from remora.cli.serve import run, with_address
from remora.clock import SystemClock
from remora.errors import OperatorExists, Refusal
from remora.ledger.commands import Grant
from remora.model import MICROSECONDS_PER_SECOND, NEVER, Platform, Role
from remora.service import access, bots, clients, lookup, operators, pairs, points
from remora.service.installation import Installation, migrate, open_installation
from remora.settings import Settings, SqliteUrl

BOT = "demoShop1"
OPERATOR = "demo"
MINUTE, HOUR, DAY = 60, 3600, 86400


class Character(Struct, frozen=True):
    """A client of the demo, with lots of (points, seconds to live; None is for ever)."""

    platform: Platform
    platform_client_id: str
    lots: tuple[tuple[int, int | None], ...]


# Their encoded ids are those of 1, 2, 3, … with no salt, so that the documentation can name them.
CAST = (
    Character(Platform.LINE, "U1c0ffee0000000000000000000000001", ((1000, None), (250, None))),
    Character(Platform.LINE, "U1c0ffee0000000000000000000000002", ()),
    Character(Platform.FACEBOOK, "24680135791113003", ((300, None), (50, 2 * MINUTE))),
    Character(Platform.INSTAGRAM, "17841400000000004", ((80, 10 * MINUTE), (20, DAY), (500, None))),
    Character(Platform.LIVE_CHAT, "visitor-5", ((7, 5 * MINUTE),)),
    Character(Platform.WHATSAPP, "886900000006", ((40, HOUR), (88888, None))),
)


@click.command()
@click.option("--host", help="The address to listen on [REMORA_HOST, 127.0.0.1].")
@click.option("--port", type=click.IntRange(0, 65535), help="The port; 0 takes a free one [REMORA_PORT, 8000].")
def demo(host: str | None, port: int | None) -> None:
    """Serve a demo bot, and print calls to paste. Its data is kept in a folder of its own, and used again."""
    settings = with_address(shell.read_settings(), host, port)
    folder = settings.data_dir / "demo"
    settings = replace(settings, database=SqliteUrl(folder / "remora.db"))
    try:
        if not folder.exists():
            _make(folder, settings)
        migrate(settings, SystemClock())  # it may be an older version's
        installation = open_installation(settings, SystemClock())
        pair = _working_pair(installation, folder)
        password = _sign_in_once(installation)
    except Refusal as refusal:
        shell.fail(refusal)
    run(installation, settings, lambda url: _announce(url, installation, pair, password))


def _make(folder: Path, settings: Settings) -> None:
    """Make the demo's folder beside its place and move it there whole: one that was left half done is not used."""
    partial = folder.with_name("demo.partial")
    shutil.rmtree(partial, ignore_errors=True)
    settings = replace(settings, database=SqliteUrl(partial / "remora.db"))
    migrate(settings, SystemClock())
    installation = open_installation(settings, SystemClock())
    try:
        pair = bots.create(installation, "Demo shop", BOT, overlap_minutes=0)
        for number, character in enumerate(CAST, start=1):
            _add(installation, number, character)
    finally:
        installation.close()
    _keep_pair(partial, {"apiToken": pair.api_token, "apiSecret": pair.api_secret})
    partial.rename(folder)


def _add(installation: Installation, number: int, character: Character) -> None:
    client = clients.add(
        installation,
        BOT,
        character.platform,
        character.platform_client_id,
        ids.client_id(ids.encoder_of(""), number),
    )
    for amount, life_seconds in character.lots:
        life = None if life_seconds is None else life_seconds * MICROSECONDS_PER_SECOND
        expires_at = NEVER if life is None else installation.clock.now() + life
        points.order(installation, BOT, client.client_id, Grant(amount, expires_at, reason="demo"))


def _working_pair(installation: Installation, folder: Path) -> dict[str, str]:
    """The pair of the last run, or a new one if that has expired, was exchanged or is gone."""
    try:
        pair: dict[str, str] = json.loads((folder / "credentials.json").read_text(encoding="utf-8"))
        access.prove(installation, BOT, pair["apiToken"], pair["apiSecret"])
    except (OSError, ValueError, KeyError, Refusal):
        fresh = pairs.rotate(installation, BOT, overlap_minutes=None)
        pair = {"apiToken": fresh.api_token, "apiSecret": fresh.api_secret}
        _keep_pair(folder, pair)
    return pair


def _sign_in_once(installation: Installation) -> str:
    """A new password for the operator of the demo, kept nowhere: it is good until the next start."""
    password = secrets.token_urlsafe(12)
    try:
        operators.add(installation, OPERATOR, Role.ADMIN, [], password)
    except OperatorExists:
        operators.set_password(installation, OPERATOR, password)
    return password


def _keep_pair(folder: Path, pair: dict[str, str]) -> None:
    # Only a demo keeps its secret in the clear; even so it is for its owner's eyes.
    descriptor = os.open(folder / "credentials.json", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(pair, file)


def _announce(url: str, installation: Installation, pair: dict[str, str], password: str) -> None:
    with_ids = [ids.client_id(ids.encoder_of(""), number) for number in range(1, len(CAST) + 1)]
    balances = lookup.balances(installation, BOT, with_ids)
    shell.print_table(
        ["CLIENT", "PLATFORM", "PLATFORM CLIENT", "POINTS"],
        [
            (client_id, character.platform, character.platform_client_id, balances[client_id].points)
            for client_id, character in zip(with_ids, CAST, strict=True)
        ],
    )
    by_platform = {
        "platform": Platform.LINE,
        "platformClientIds": [each.platform_client_id for each in CAST if each.platform is Platform.LINE],
    }
    for title, question in (
        ("By encoded ids", {"clientIds": with_ids}),
        ("By the platform's ids", by_platform),
        ("Both at once", {"clientIds": with_ids[2:], **by_platform}),
    ):
        click.echo(f"\n# {title}\n{_curl(url, pair, question)}")
    click.echo(f"\nThe console: {url}/console  name: {OPERATOR}  password, until the next start: {password}")
    click.echo(f"The API, for people: {url}/api/docs\nCtrl-C stops the server; its data is kept for the next time.\n")


def _curl(url: str, pair: dict[str, str], question: dict[str, Any]) -> str:
    body = json.dumps({"secret": pair["apiSecret"], **question})
    return " \\\n  ".join(
        (
            "curl -sS -X POST " + shlex.quote(f"{url}/api/openapi/client/point?botId={BOT}"),
            "-H " + shlex.quote(f"Authorization: Bearer {pair['apiToken']}"),
            "-H 'Content-Type: application/json'",
            "-d " + shlex.quote(body),
        )
    )
