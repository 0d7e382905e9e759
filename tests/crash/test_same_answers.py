"""Whatever is asked: two workers and their writer answer as one process does, whichever of them is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import cycle
from typing import Any

import httpx
import psutil
import pytest

from remora.clock import SystemClock
from remora.service.installation import open_installation
from remora.settings import DatabaseUrl
from tests.cast import Api, Shop, open_shop
from tests.crash.server import Server, Start
from tests.eventually import SECONDS, until
from tests.stores import Store, settings_of, text_of

Call = tuple[str, str | None, dict[str, Any]]
Said = tuple[int, dict[str, str], str]

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
CODE = re.compile(r'"code":(\d+)')
REFUSED = {37011, 110000, 900003, 900004} | set(range(900006, 900013))
"""The codes of what the calls below are refused with, so that none of them is forgotten."""

PASSING = {"date", "x-request-id", "content-length", "ratelimit"}
"""Headers that tell of the moment, or of the instants in the body."""


@pytest.fixture
def databases(store: Store) -> Iterator[tuple[DatabaseUrl, DatabaseUrl]]:
    """Two that have the same in them: what is made in both gets the same ids."""
    first, second = store.migrated(), store.migrated()
    yield first, second
    store.drop(first)
    store.drop(second)


def shop_of(url: DatabaseUrl) -> tuple[Shop, list[str]]:
    """A shop with two clients."""
    installation = open_installation(settings_of(url), SystemClock())
    try:
        shop = open_shop(installation, "teaShop01")
        return shop, [shop.client(100, platform_client_id="a"), shop.client(platform_client_id="b")]
    finally:
        installation.close()


def calls(one: str, two: str) -> list[Call]:
    """Every kind of order and of refusal; where one comes again, it comes to the other worker."""
    new = {"platform": "line", "platformClientId": "new", "createClient": True}
    spend = ("spend", "k2", {"clientId": one, "points": 30, "reason": "tea"})
    lacking = ("spend", "k3", {"clientId": two, "points": 1})
    batch: list[dict[str, Any]] = [
        {"kind": "grant", "key": "b1", "clientId": two, "points": 5},
        {"kind": "spend", "key": "b2", "clientId": two, "points": 6},
        {"kind": "spend", "key": "k2", "clientId": one, "points": 30, "reason": "tea"},
        {"kind": "grant", "key": "b3", "clientId": "nobody", "points": 5},
        {"kind": "steal", "key": "b4", "clientId": two},
    ]
    atomic = ("batch", None, {"operations": [dict(batch[0], key="b5"), dict(batch[1], key="b6")], "mode": "atomic"})
    whole = ("batch", None, {"operations": [dict(batch[0], key="b7"), dict(batch[0], key="b8")], "mode": "atomic"})
    return [
        ("grant", "k1", {"clientId": one, "points": 10, "metadata": {"large": 10**40, "half": 0.5, "deep": [[None]]}}),
        spend,
        spend,
        ("spend", "k2", {"clientId": one, "points": 31, "reason": "tea"}),
        lacking,
        lacking,
        ("grant", "k4", {"clientId": "nobody", "points": 1}),
        ("grant", "k5", {**new, "points": 7, "dryRun": True}),
        ("grant", "k5", {**new, "points": 7}),
        ("grant", "k5", {**new, "points": 7}),
        ("grant", "k6", {"clientId": one, "points": 2**53 - 1}),
        ("grant", "k7", {"clientId": one, "points": 1, "expiresAt": "2001-01-01T00:00:00Z"}),
        ("grant", "k8", {"clientId": one, "points": 0}),
        ("grant", None, {"clientId": one, "points": 1}),
        ("hold", "k9", {"clientId": one, "points": 20, "timeoutSeconds": 3_600}),
        ("capture", "k10", {"clientId": one, "holdId": f"{one}-4", "points": 21}),
        ("capture", "k11", {"clientId": one, "holdId": f"{one}-4", "points": 5}),
        ("release", "k12", {"clientId": one, "holdId": f"{one}-4"}),
        ("release", "k13", {"clientId": one, "holdId": f"{two}-4"}),
        ("hold", "k14", {"clientId": one, "points": 1}),
        ("release", "k15", {"clientId": one, "holdId": f"{one}-7", "dryRun": True}),
        ("release", "k16", {"clientId": one, "holdId": f"{one}-7"}),
        ("reverse", "k17", {"clientId": one, "entryId": f"{one}-3", "points": 10}),
        ("reverse", "k18", {"clientId": one, "entryId": f"{one}-3", "points": 21}),
        ("reverse", "k19", {"clientId": one, "entryId": f"{one}-9"}),
        ("reverse", "k20", {"clientId": one, "entryId": f"{one}-1"}),
        ("reverse", "k21", {"clientId": one, "entryId": f"{one}-1", "shortfall": "takeAvailable"}),
        ("reverse", "k22", {"clientId": one, "entryId": f"{one}-99"}),
        ("batch", None, {"operations": batch}),
        ("batch", None, {"operations": batch}),
        atomic,
        whole,
        whole,
        ("batch", None, {"operations": [dict(batch[0], key="b9")], "dryRun": True}),
        ("history", None, {"clientId": one}),
        ("explain", None, {"clientId": two}),
    ]


def said(answer: httpx.Response) -> Said:
    """Status, headers and body, without what differs from one moment to the next."""
    assert int(answer.headers["content-length"]) == len(answer.content)
    headers = {name: value for name, value in answer.headers.items() if name not in PASSING}
    return (
        answer.status_code,
        {**headers, **dict.fromkeys(PASSING & answer.headers.keys(), "")},
        INSTANT.sub("AT", answer.text),
    )


def told(shop: Shop, calls: Sequence[Call], callers: Sequence[httpx.Client]) -> list[Said]:
    """What each of the callers in turn is told, and how the points stand then, as all of them are told."""
    found = []
    for (what, key, fields), caller in zip(calls, cycle(callers), strict=False):
        found.append(said(Api(caller).ledger(shop, what, key, **fields)))
        [standing] = {
            said(Api(each).look_up(shop, platform="line", platformClientIds=["a", "b", "new"]))[2] for each in callers
        }
        found.append((0, {}, standing))
    return found


def one_for_each_worker(server: Server, opened: ExitStack) -> list[httpx.Client]:
    """Connections that go to different workers."""
    until(lambda: len(server.pids("worker")) == 2)
    callers: dict[int, httpx.Client] = {}

    def has_both() -> bool:
        caller = opened.enter_context(httpx.Client(base_url=server.url, timeout=SECONDS))
        with caller.stream("GET", "/healthz") as answer:
            here = answer.extensions["network_stream"].get_extra_info("socket").getsockname()[1]
            answer.read()
        for pid in server.pids("worker"):
            if any(each.raddr and each.raddr.port == here for each in psutil.Process(pid).net_connections("tcp")):
                callers[pid] = caller
        return len(callers) == 2

    until(has_both)
    return list(callers.values())


def test_two_workers_answer_as_one_process_does(start: Start, databases: tuple[DatabaseUrl, DatabaseUrl]) -> None:
    (first, clients), (second, same_clients) = map(shop_of, databases)
    assert clients == same_clients
    asked = calls(*clients)
    alone, several = (
        start(REMORA_DATABASE_URL=text_of(url), REMORA_WORKERS=workers)
        for url, workers in zip(databases, ("1", "2"), strict=True)
    )
    with ExitStack() as opened:
        by_two = told(second, asked, one_for_each_worker(several, opened))
    by_one = told(first, asked, [alone.http])
    for call, one, two in zip([each for each in asked for _ in range(2)], by_one, by_two, strict=True):
        assert two == one, call
    assert {int(code) for _, _, body in by_one for code in CODE.findall(body)} == REFUSED
    assert sum("idempotent-replayed" in headers for _, headers, _ in by_one) == 3
    assert several.lines("fault") == alone.lines("fault") == []
