"""Granting, spending and reversing: filled in, shown what it would come to, and only then done.

The form has its idempotency key from when it was first shown, so that however often it is sent it is done once. After
something was refused for real it gets another: the refusal is that key's answer for ever.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from starlette.responses import Response

from remora import errors as refusals
from remora.errors import InvalidField, Refusal
from remora.ledger.commands import Command, Grant, OnShortfall, Reverse, Spend
from remora.model import MAX_POINTS
from remora.service import console
from remora.service.console import Statement, Undoable
from remora.service.fields import MAX_TEXT
from remora.service.orders import Outcome
from remora.web.console import formats
from remora.web.console.formats import Zone
from remora.web.console.visit import Visit
from remora.web.errors import STATUS

FIELDS = ("points", "expires", "starts", "reason", "take_available")

BESIDE: dict[type[Refusal], str] = {
    refusals.InsufficientPoints: "points",
    refusals.BalanceOutOfRange: "points",
    refusals.AlreadyReversed: "points",
    refusals.Shortfall: "points",
}
"""Beside which field a refusal is told."""

ABOVE: tuple[type[Refusal], ...] = (refusals.KeyReused, refusals.NoSuchEntry, refusals.NotReversible)
"""What is told above the form. Whatever else an order is refused with is no matter of the form, and has a page."""

OF_FIELD = {"points": "points", "expiresAt": "expires", "activeFrom": "starts", "reason": "reason"}
"""Our fields, by the names that the service gives them in its refusals."""


class Draft(Struct, frozen=True):
    """A form as it was filled in: texts by field, and the key under which it is to be done."""

    kind: str
    texts: Mapping[str, str]
    key: str

    def __getitem__(self, field: str) -> str:
        return self.texts.get(field, "")


class Scene(Struct, frozen=True):
    """Whose points it is about, and of a reversal, which entry's."""

    found: Statement
    zone: Zone
    target: Undoable | None


async def show_grant(visit: Visit) -> Response:
    return await _show(visit, "grant")


async def grant(visit: Visit) -> Response:
    return await _act(visit, "grant")


async def show_spend(visit: Visit) -> Response:
    return await _show(visit, "spend")


async def spend(visit: Visit) -> Response:
    return await _act(visit, "spend")


async def show_reverse(visit: Visit) -> Response:
    return await _show(visit, "reverse")


async def reverse(visit: Visit) -> Response:
    return await _act(visit, "reverse")


async def _show(visit: Visit, kind: str) -> Response:
    """The empty form, with a key of its own."""
    return _form(visit, await _scene(visit, kind), Draft(kind, {}, _new_key()), {})


async def _act(visit: Visit, kind: str) -> Response:
    """Show what it would come to, or do it, as the button says."""
    form = await visit.form()
    scene = await _scene(visit, kind)
    draft = Draft(kind, {field: form[field] for field in FIELDS if field in form}, form.get("key", "") or _new_key())
    step = form.get("step", "preview")
    command, wrong = _command(visit, draft, scene)
    if wrong or step == "edit":
        return _form(visit, scene, draft, wrong)
    try:
        outcome = await _ordered(visit, scene, draft, command, dry_run=step != "confirm")
        done = outcome.done()
    except Refusal as refusal:
        if not isinstance(refusal, (*BESIDE, *ABOVE, InvalidField)):
            raise
        visit.seen.code = refusal.code
        again = Draft(kind, draft.texts, _new_key())
        return _form(visit, scene, again, _beside(visit, refusal), STATUS[type(refusal)])
    if step == "confirm" or outcome.replayed:
        return visit.to(f"{_client_path(scene)}?done={done.entry.seq}")
    ends = {lot.lot_id: lot.expires_at for lot in scene.found.now.lots}
    if done.entry.kind == "grant" and done.entry.expires_at is not None:
        ends[done.entry.seq] = done.entry.expires_at
    return visit.page(
        "preview.html",
        **_about(scene),
        draft=draft,
        entry=done.entry,
        after=done.available,
        shortfall=done.shortfall,
        ends=ends,
        fields=FIELDS,
    )


async def _scene(visit: Visit, kind: str) -> Scene:
    bot_id, client_id = visit.part("bot_id"), visit.part("client_id")
    visit.authority.changes(bot_id)
    found = await visit.do(console.statement, visit.authority, bot_id, client_id, most=1)
    target = None
    if kind == "reverse":
        target = await visit.do(console.undoable, visit.authority, bot_id, client_id, int(visit.part("seq")))
    return Scene(found, Zone(found.bot.time_zone), target)


async def _ordered(visit: Visit, scene: Scene, draft: Draft, command: Command, *, dry_run: bool) -> Outcome:
    bot_id = scene.found.bot.bot_id
    job = console.job(visit.authority, bot_id, scene.found.client.client_id, command, draft.key, dry_run=dry_run)
    result = await visit.write(bot_id, job)
    if isinstance(result, Refusal):
        raise result
    return result[0]


def _command(visit: Visit, draft: Draft, scene: Scene) -> tuple[Command, dict[str, str]]:
    """The command that the form asks for; and by field what is wrong with it, in which case it is not to be used."""
    wrong: dict[str, str] = {}
    points = formats.amount(draft["points"])
    all_of_it = draft.kind == "reverse" and not draft["points"].strip()
    if points is None and not all_of_it:
        wrong["points"] = visit.language("order.points_wrong", most=formats.points(MAX_POINTS))
    reason = draft["reason"].strip()
    if not reason or len(reason) > MAX_TEXT:
        wrong["reason"] = visit.language("order.reason_wrong", most=MAX_TEXT)
    instants = {}
    for field in ("expires", "starts"):
        instants[field] = scene.zone.instant(draft[field]) if draft[field].strip() else None
        if draft[field].strip() and instants[field] is None:
            wrong[field] = visit.language("order.time_wrong")
    match draft.kind:
        case "grant":
            return Grant(points or 0, instants["expires"], instants["starts"], reason), wrong
        case "spend":
            return Spend(points or 0, reason), wrong
    assert scene.target is not None, "a reversal has a target"
    shortfall = OnShortfall.TAKE_AVAILABLE if draft["take_available"] else OnShortfall.REFUSE
    return Reverse(scene.target.entry.seq, points, shortfall, reason), wrong


def _beside(visit: Visit, refusal: Refusal) -> dict[str, str]:
    """What to tell, by the field beside which it belongs; "" is above the form."""
    field = BESIDE.get(type(refusal), "")
    if isinstance(refusal, InvalidField):
        field = OF_FIELD.get(refusal.message.partition(" ")[0], "")
        return {field: visit.language(f"refusal.field_{field or 'other'}")}
    available = getattr(refusal, "available", None) or 0
    shortfall = getattr(refusal, "shortfall", None) or 0
    told = visit.language(
        f"refusal.{refusal.code}",
        available=formats.points(available),
        shortfall=formats.points(shortfall),
        most=formats.points(MAX_POINTS),
    )
    return {field: told}


def _form(visit: Visit, scene: Scene, draft: Draft, wrong: Mapping[str, str], status: int = 0) -> Response:
    return visit.page(
        "order.html", status or (400 if wrong else 200), **_about(scene), draft=draft, wrong=wrong, most_text=MAX_TEXT
    )


def _about(scene: Scene) -> dict[str, Any]:
    return {
        "bot": scene.found.bot,
        "client": scene.found.client,
        "zone": scene.zone,
        "now": scene.found.now,
        "target": scene.target,
    }


def _client_path(scene: Scene) -> str:
    return f"/console/bots/{scene.found.bot.bot_id}/clients/{scene.found.client.client_id}"


def _new_key() -> str:
    return f"console-{secrets.token_urlsafe(18)}"
