"""Calls everything that the API has, and all that the operator's shell does to a bot, once."""

from __future__ import annotations

from typing import Any

from remora.model import Platform
from remora.service import bots, clients, export, import_desk, imports, lookup, tidy, uploads, verify
from remora.service.standing import standings
from tests.cast import DAY, POINT, SECOND, START, TOKEN, Api, ManualClock, Shop
from tests.importing import ADMIN, check, looked_at, rows, run, undo, undone
from tests.wallet import Wallet

REGISTER = "/api/openapi/client/register"


def call_everything(api: Api, shop: Shop, clock: ManualClock) -> set[str]:
    """Move points of new clients in every way, and look at them; the paths that were called. The shop's pair is
    another one afterwards.
    """
    called: set[str] = set()

    def call(path: str, key: str | None = None, **fields: Any) -> Any:
        headers = {} if key is None else {"idempotency-key": key}
        answer = api.post(path, shop, {"secret": shop.secret, **fields}, headers=headers)
        assert answer.status_code == 200, answer.text
        called.add(path)
        return answer.json()

    def order(kind: str, key: str, **fields: Any) -> str:
        answer = call(f"{POINT}/{kind}", key, **fields)
        made: str = answer["holdId"] if kind == "hold" else answer["entry"]["entryId"]
        return made

    [first, second] = call(REGISTER, platform="line", platformClientIds=["U1", "U2"])["clients"]
    one, two = {"clientId": first["clientId"]}, {"clientId": second["clientId"]}
    order("grant", "g1", **one, points=100, expiresAt="2027-01-16T08:00:00Z", metadata={"order": 1})
    order("grant", "g2", platform="whatsapp", platformClientId="886", points=5, createClient=True)
    spent = order("spend", "s1", **one, points=30)
    assert order("spend", "s1", **one, points=30) == spent, "the same key has the same answer"
    order("reverse", "r1", **one, entryId=spent, points=10)
    order("capture", "c1", **one, holdId=order("hold", "h1", **one, points=20), points=15)
    order("release", "l1", **one, holdId=order("hold", "h2", **one, points=5))
    order("hold", "h3", **one, points=5, timeoutSeconds=1)
    grants = [{"kind": "grant", **who, "points": 7, "key": f"b{nth}"} for nth, who in enumerate((one, two))]
    call(f"{POINT}/batch", operations=grants)
    call(f"{POINT}/batch", operations=[{"kind": "spend", **two, "points": 1, "key": "b2"}], mode="atomic")
    clock.time = START + 2 * SECOND  # the last hold has timed out, and nobody wrote it down
    found = call(POINT, clientIds=[first["clientId"]], platform="line", platformClientIds=["U2"])["points"]
    assert [row["points"] for row in found] == [72, 6]
    assert call(f"{POINT}/explain", **one)["available"] == 72
    call(f"{POINT}/explain", **one, at="2027-01-15T08:00:00Z")
    call(f"{POINT}/explain", platform="line", platformClientId="U1", at="2027-01-17T08:00:00Z")
    assert len(call(f"{POINT}/history", **one, kinds=["grant", "spend", "timeout"])["entries"]) == 4
    pair = call(TOKEN)
    shop.token, shop.secret = pair["apiToken"], pair["apiSecret"]
    return called


def operate(shop: Shop, clock: ManualClock) -> None:
    """What the shell can do to a bot, beside what the API can."""
    installation, bot_id = shop.installation, shop.bot_id
    bots.update(installation, bot_id, name="Tea")
    assert bots.show(installation, bot_id).bot.name == "Tea"
    brought = clients.add(installation, bot_id, Platform.LINE, "brought along", "broughtAlong")
    wallet = Wallet(shop, brought.client_id)
    shop.grant(brought.client_id, 3, clock.time + SECOND)
    assert clients.show(installation, bot_id, brought.client_id) == brought
    assert brought in clients.page(installation, bot_id, "", 1_000)
    clock.time += SECOND
    assert lookup.balances(installation, bot_id, [brought.client_id])[brought.client_id].points == 0
    assert wallet.kinds() == [("grant", 3), ("expire", -3)]
    clock.time += 40 * DAY
    assert tidy.work(installation, bot_id) > 0
    tidy.tidy(installation, bot_id, lambda _: None)
    assert tidy.work(installation, bot_id) == 0
    assert list(export.export(installation, bot_id))
    file = rows(f"line,brought along,{brought.client_id},5,,,", "line,imported,,7,,,")
    assert [each.verdict for each in check(shop, file)] == ["grant", "new"]
    assert [each.verdict for each in run(shop, file)] == ["grant", "new"]
    assert [each.row.taken for each in undo(shop, file)] == [5, 7]
    assert [imports.show(installation, bot_id, each.import_id) == each for each in imports.every(installation, bot_id)]
    again = rows("line,imported,,9,,,", "line,wrong,no id,1,,,")
    import_id = undone(shop, again)
    looked_at(shop, again)
    assert import_desk.overview(installation, ADMIN, bot_id).imports
    assert import_desk.result(installation, ADMIN, bot_id, import_id).standing.state == "undone"
    with import_desk.report(installation, ADMIN, bot_id, import_id, "undo") as report:
        assert report.read()
    clock.time += 40 * DAY
    assert uploads.forget_old(installation, bot_id) == 3 + 1
    assert list(standings(installation, bot_id, START))
    assert verify.work(installation, bot_id) > 0
    assert list(verify.verify(installation, bot_id, lambda _: None)) == []
