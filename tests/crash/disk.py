"""What is on disk of the orders that were sent, read past all of our code."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass

import httpx

from tests.backdoor import BackDoor
from tests.crash.load import Order

INSUFFICIENT_POINTS = 900006


@dataclass(frozen=True)
class Written:
    """An entry, without what the order does not decide."""

    entry_id: str
    kind: str
    points: int


@dataclass(frozen=True)
class Disk:
    """`keys` are the idempotency keys with the entry that is kept under each, None if it is a refusal. `entries`
    are by their reason, which is the key of the order that made them.
    """

    keys: dict[str, str | None]
    entries: dict[str, list[Written]]

    def assert_whole(self) -> None:
        """No order is half there, and none is there twice: each key has its one entry, each entry its key."""
        for key, entry_id in self.keys.items():
            expected = [] if entry_id is None else [entry_id]
            assert [entry.entry_id for entry in self.entries.get(key, [])] == expected, key
        assert self.entries.keys() <= self.keys.keys()

    def assert_kept(self, order: Order, response: httpx.Response) -> None:
        """What was answered is what is there."""
        answer = response.json()
        if response.status_code == 409:
            assert answer["errResponse"]["code"] == INSUFFICIENT_POINTS
            assert self.keys[order.key] is None
            return
        assert response.status_code == 200, response.text
        answered = answer["holdId"] if order.kind == "hold" else answer["entry"]["entryId"]
        points = order.points if order.kind == "grant" else -order.points
        assert self.keys[order.key] == answered
        assert self.entries[order.key] == [Written(answered, order.kind, points)]
        if order.kind != "hold":
            assert answer["entry"]["points"] == points


def read(back_door: BackDoor) -> Disk:
    keys = {}
    for key, answer in back_door.rows("SELECT key, answer FROM operations"):
        kept = json.loads(answer)
        keys[key] = f"{kept[0]}-{kept[1]}" if isinstance(kept, list) else None
    entries = defaultdict(list)
    for reason, client_id, seq, kind, points in back_door.rows(
        "SELECT reason, client_id, seq, kind, points FROM entries WHERE reason IS NOT NULL ORDER BY client_id, seq"
    ):
        entries[reason].append(Written(f"{client_id}-{seq}", kind, points))
    return Disk(keys, dict(entries))
