"""The statements that a server has prepared for a connection, and when each is to be planned anew.

The server keeps one plan for all values, made for the tables as they were when it was first wanted, until statistics
are gathered the next time. A connection that begins with an empty table would read it from end to end for minutes while
it grows. So a statement is prepared again, under another name, when it was used ten times as often.
"""

from __future__ import annotations

from msgspec import Struct

USES = 5
"""After so many a statement is first prepared again, and after ten times as many the next time: by one of them a table
has pages enough that the plan is right, and was not read from end to end too often before.
"""

TIMES = 10


class _Statement(Struct):
    name: bytes
    renewals: int = 0
    uses: int = 0
    renewed_at: int = USES


class Prepared:
    """One connection's."""

    def __init__(self) -> None:
        self._statements: dict[bytes, _Statement] = {}

    def use(self, name: bytes) -> tuple[bytes, bool]:
        """Under which name a statement is to be used now, and whether it has to be prepared for that."""
        known = self._statements.get(name)
        if known is None:
            self._statements[name] = _Statement(name, uses=1)
            return name, True
        known.uses += 1
        if known.uses <= known.renewed_at:
            return known.name, False
        known.renewals += 1
        known.renewed_at *= TIMES
        # The old one stays: a handful of plans for a connection's life. To drop it would want another command.
        known.name = b"%s_%d" % (name, known.renewals)
        return known.name, True
