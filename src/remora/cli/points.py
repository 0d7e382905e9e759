"""`remora points`: granting points, and showing balances."""

from __future__ import annotations

from typing import Any

import click

from remora import rfc3339
from remora.cli import shell
from remora.ledger.grant import Grant
from remora.model import MAX_POINTS, NEVER, Entry
from remora.service import points as service


class Instant(click.ParamType[int]):
    """An RFC 3339 time on the command line; UTC microseconds inside."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return value if isinstance(value, int) else rfc3339.parse(value)
        except ValueError as problem:
            self.fail(str(problem), param, ctx)


@click.group()
def points() -> None:
    """Grant points, and show balances."""


@points.command()
@click.argument("bot_id", metavar="BOT")
@click.argument("client_id")
@click.argument("points", type=click.IntRange(1, MAX_POINTS))
@click.option(
    "--expires-at", type=Instant(), default=NEVER, help="When they expire, like 2030-01-31T23:59:59Z [never]."
)
@click.option("--reason", help="Why, for whoever explains the balance.")
@click.option("--key", help="An idempotency key: the same grant again with the same key is made once.")
@shell.with_json
def grant(
    bot_id: str,
    client_id: str,
    points: int,
    expires_at: int,
    reason: str | None,
    key: str | None,
    as_json: bool,
) -> None:
    """Give a client points. When this ends well, they are on disk."""
    with shell.installation() as installation:
        granted = service.grant(installation, bot_id, client_id, Grant(points, expires_at, reason), key)
    if as_json:
        shell.print_json({"entry": _as_json(client_id, granted.entry), "available": granted.available})
    else:
        click.echo(f"granted {granted.entry.points}; available {granted.available}")


@points.command()
@click.argument("bot_id", metavar="BOT")
@click.argument("client_ids", metavar="CLIENT_ID...", nargs=-1, required=True)
@shell.with_json
def show(bot_id: str, client_ids: tuple[str, ...], as_json: bool) -> None:
    """Show what clients can spend now."""
    with shell.installation() as installation:
        found = service.balances(installation, bot_id, client_ids)
    rows = [
        {"clientId": client_id, "platform": each.platform, "points": each.points}
        for client_id, each in found.by_client_id.items()
    ]
    not_found = [client_id for client_id in dict.fromkeys(client_ids) if client_id not in found.by_client_id]
    if as_json:
        shell.print_json({"points": rows, "notFound": {"clientIds": not_found}})
        return
    shell.print_table(["CLIENT", "PLATFORM", "POINTS"], [tuple(row.values()) for row in rows])
    for client_id in not_found:
        click.echo(f"{client_id}: no such client", err=True)


def _as_json(client_id: str, entry: Entry) -> dict[str, Any]:
    return {
        "entryId": f"{client_id}-{entry.seq}",
        "kind": entry.kind,
        "points": entry.points,
        "available": entry.available,
        "at": rfc3339.render(entry.at),
        **({"reason": entry.reason} if entry.reason else {}),
        "lots": [{"lotId": f"{client_id}-{change.lot_id}", "points": change.points} for change in entry.lots],
    }
