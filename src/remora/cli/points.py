"""`remora points`: changing points, and explaining them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
import msgspec

from remora import rfc3339
from remora.cli import shell
from remora.ledger.commands import (
    DEFAULT_HOLD_SECONDS,
    MAX_HOLD_SECONDS,
    Capture,
    Command,
    Grant,
    Hold,
    OnShortfall,
    Release,
    Reverse,
    Spend,
)
from remora.model import KINDS, MAX_POINTS, NEVER
from remora.service import history as journal
from remora.service import lookup
from remora.service import points as service
from remora.service.orders import Who, named
from remora.web.schemas.history import explained
from remora.web.schemas.orders import entry_info, hold_expiry

AMOUNT = click.IntRange(1, MAX_POINTS)


class Instant(click.ParamType[int]):
    """An RFC 3339 time on the command line; UTC microseconds inside."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return value if isinstance(value, int) else rfc3339.parse(value)
        except ValueError as problem:
            self.fail(str(problem), param, ctx)


class Metadata(click.ParamType[dict[str, Any]]):
    """A JSON object on the command line."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        try:
            return msgspec.json.decode(value, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError, UnicodeError) as problem:
            self.fail(f"is not a JSON object: {problem}", param, ctx)


@click.group()
def points() -> None:
    """Change points, and explain balances."""


def order_options(command: Callable[..., None]) -> Callable[..., None]:
    """What every change has: whose, under which key, and whether for real."""
    for option in (
        click.option("--dry-run", is_flag=True, help="Decide for real, and change nothing."),
        click.option("--key", help="An idempotency key: the same change again with the same key is made once."),
        click.argument("client_id"),
        click.argument("bot_id", metavar="BOT"),
    ):
        command = option(command)
    return command


def reason_options(command: Callable[..., None]) -> Callable[..., None]:
    """What may be noted beside a change."""
    for option in (
        click.option("--metadata", type=Metadata(), help="A JSON object to find again beside it."),
        click.option("--reason", help="Why, for whoever explains the balance."),
    ):
        command = option(command)
    return command


@points.command()
@order_options
@click.argument("points", type=AMOUNT)
@click.option("--expires-at", type=Instant(), help="When they expire, like 2030-01-31T23:59:59Z [the bot's policy].")
@click.option("--active-from", type=Instant(), help="When they can be used [now].")
@reason_options
@shell.with_json
def grant(points: int, expires_at: int | None, active_from: int | None, **rest: Any) -> None:
    """Give a client points. When this ends well, they are on disk."""
    _order(lambda reason, metadata: Grant(points, expires_at, active_from, reason, metadata), **rest)


@points.command()
@order_options
@click.argument("points", type=AMOUNT)
@reason_options
@shell.with_json
def spend(points: int, **rest: Any) -> None:
    """Use points: of the lots that expire first, all or nothing."""
    _order(lambda reason, metadata: Spend(points, reason, metadata), **rest)


@points.command()
@order_options
@click.argument("points", type=AMOUNT)
@click.option(
    "--timeout-seconds",
    type=click.IntRange(1, MAX_HOLD_SECONDS),
    default=DEFAULT_HOLD_SECONDS,
    help=f"How long they stay reserved [{DEFAULT_HOLD_SECONDS}].",
)
@reason_options
@shell.with_json
def hold(points: int, timeout_seconds: int, **rest: Any) -> None:
    """Reserve points until a capture or a release, or until the time is out."""
    _order(lambda reason, metadata: Hold(points, timeout_seconds, reason, metadata), **rest)


@points.command()
@order_options
@click.argument("hold_id")
@click.option("--points", type=AMOUNT, help="Use so many, and release the rest [all].")
@shell.with_json
def capture(hold_id: str, points: int | None, **rest: Any) -> None:
    """Use what a hold reserves."""
    about, seq = named(hold_id)
    _order(lambda *_: Capture(seq, points), about=about, **rest)


@points.command()
@order_options
@click.argument("hold_id")
@shell.with_json
def release(hold_id: str, **rest: Any) -> None:
    """End a hold, and use nothing."""
    about, seq = named(hold_id)
    _order(lambda *_: Release(seq), about=about, **rest)


@points.command()
@order_options
@click.argument("entry_id")
@click.option("--points", type=AMOUNT, help="Undo so many [all that is left].")
@click.option("--take-available", is_flag=True, help="Of a grant that was used in part, take back what is left.")
@reason_options
@shell.with_json
def reverse(entry_id: str, points: int | None, take_available: bool, **rest: Any) -> None:
    """Undo a grant, a spend or a capture, or a part of it."""
    shortfall = OnShortfall.TAKE_AVAILABLE if take_available else OnShortfall.REFUSE
    about, seq = named(entry_id)
    _order(lambda reason, metadata: Reverse(seq, points, shortfall, reason, metadata), about=about, **rest)


@points.command()
@click.argument("bot_id", metavar="BOT")
@click.argument("client_ids", metavar="CLIENT_ID...", nargs=-1, required=True)
@shell.with_json
def show(bot_id: str, client_ids: tuple[str, ...], as_json: bool) -> None:
    """Show what clients can spend now."""
    with shell.installation() as installation:
        found = lookup.balances(installation, bot_id, client_ids)
    rows = [
        {"clientId": client_id, "platform": each.platform, "points": each.points} for client_id, each in found.items()
    ]
    not_found = [client_id for client_id in dict.fromkeys(client_ids) if client_id not in found]
    if as_json:
        shell.print_json({"points": rows, "notFound": {"clientIds": not_found}})
        return
    shell.print_table(["CLIENT", "PLATFORM", "POINTS"], [tuple(row.values()) for row in rows])
    for client_id in not_found:
        click.echo(f"{client_id}: no such client", err=True)


@points.command()
@click.argument("bot_id", metavar="BOT")
@click.argument("client_id")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, help="At most so many entries [50].")
@click.option("--cursor", type=click.IntRange(1, NEVER), default=NEVER, help="Go on where a page ended.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="Only this kind; may be repeated.")
@click.option("--from", "since", type=Instant(), default=-NEVER, help="Only from this time on.")
@click.option("--to", "until", type=Instant(), default=NEVER, help="Only before this time.")
@shell.with_json
def history(
    bot_id: str,
    client_id: str,
    limit: int,
    cursor: int,
    kinds: tuple[str, ...],
    since: int,
    until: int,
    as_json: bool,
) -> None:
    """Show a client's journal, newest first."""
    with shell.installation() as installation, installation.database.read() as tx:
        page = journal.history(
            tx,
            bot_id,
            Who(client_id),
            installation.clock.now(),
            most=limit,
            before=cursor,
            kinds=kinds or KINDS,
            since=since,
            until=until,
        )
    entries = [entry_info(client_id, entry) for entry in page.entries]
    if as_json:
        following = None if page.next_before is None else str(page.next_before)
        shell.print_json({"entries": msgspec.to_builtins(entries), "nextCursor": following})
        return
    shell.print_table(
        ["ENTRY", "AT", "KIND", "POINTS", "AVAILABLE", "REASON"],
        [
            (each.entry_id, each.at, each.kind, f"{each.points:+}", each.available, each.reason or "")
            for each in entries
        ],
    )
    if page.next_before is not None:
        click.echo(f"There is more: --cursor {page.next_before}", err=True)


@points.command()
@click.argument("bot_id", metavar="BOT")
@click.argument("client_id")
@click.option("--at", type=Instant(), help="At which instant, past or future [now].")
@shell.with_json
def explain(bot_id: str, client_id: str, at: int | None, as_json: bool) -> None:
    """Show the lots and holds that make a balance."""
    with shell.installation() as installation, installation.database.read() as tx:
        who = Who(client_id)
        if at is None:
            found = explained(journal.explain_now(tx, bot_id, who, installation.clock.now()))
        else:
            found = explained(journal.explain(tx, bot_id, who, at))
    if as_json:
        answer = msgspec.to_builtins(found)
        shell.print_json({name: value for name, value in answer.items() if name not in ("success", "message")})
        return
    shell.print_table(
        ["LOT", "STATE", "GRANTED", "AVAILABLE", "HELD", "FROM", "EXPIRES"],
        [
            (lot.lot_id, lot.state, lot.granted, lot.available, lot.held, lot.active_from, lot.expires_at or "never")
            for lot in found.lots
        ],
    )
    for held in found.holds:
        click.echo(f"hold {held.hold_id} reserves {held.points} until {held.expires_at}")
    click.echo(f"available {found.available}, held {found.held}")
    if found.next_expiry:
        click.echo(f"next to expire: {found.next_expiry.points} at {found.next_expiry.at}")


def _order(
    command: Callable[[str | None, dict[str, Any] | None], Command],
    *,
    bot_id: str,
    client_id: str,
    key: str | None,
    dry_run: bool,
    as_json: bool,
    about: str | None = None,
    reason: str | None = None,
    metadata: dict[str, Any] | None = None,
) -> None:
    """Carry out a command, and print what came of it."""
    with shell.installation() as installation:
        done = service.order(
            installation, bot_id, client_id, command(reason, metadata), key, about=about, dry_run=dry_run
        )
    entry = entry_info(client_id, done.entry)
    if as_json:
        answer: dict[str, Any] = {"entry": msgspec.to_builtins(entry), "available": done.available}
        if entry.kind == "hold":
            answer |= {"holdId": entry.entry_id, "expiresAt": hold_expiry(done.entry)}
        if entry.kind == "reverse":
            answer["shortfall"] = done.shortfall
        shell.print_json(answer)
        return
    moved = sum(change.points for change in done.entry.lots)
    would = "would have been: " if dry_run else ""
    short = f"; shortfall {done.shortfall}" if done.shortfall else ""
    click.echo(f"{would}{entry.kind} {moved:+} as {entry.entry_id}; available {done.available}{short}")
