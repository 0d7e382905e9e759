"""Callers that were let in, with what the store knew of them then.

That may be out of date at any moment, so it lets nobody do anything: it saves orders a way to the store before the one
on which they are carried out, and on which it is read again.
"""

from __future__ import annotations

from remora.storage.bots import Caller

MOST = 4_096
"""So many are remembered; beyond it the one that was noted first is forgotten."""


class Callers:
    """By bot and token id."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Caller] = {}

    def find(self, bot_id: str, token_id: str) -> Caller | None:
        return self._known.get((bot_id, token_id))

    def note(self, bot_id: str, token_id: str, caller: Caller) -> None:
        self._known[bot_id, token_id] = caller
        if len(self._known) > MOST:
            del self._known[next(iter(self._known))]

    def forget(self, bot_id: str, token_id: str) -> None:
        self._known.pop((bot_id, token_id), None)
