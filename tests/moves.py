"""Random moves on a ledger, few and close enough together that everything meets at the same instant often."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from remora.ledger.commands import Capture, Command, Grant, Hold, OnShortfall, Release, Reverse, Spend
from remora.model import MAX_POINTS
from tests.cast import SECOND
from tests.oracle import Move, Past

WAITS = (0, 1, 1, 2, 3, 5, SECOND - 1, SECOND, SECOND + 1, -1, -2)
LIVES = (None, 0, 1, 2, 3, 3, 5, 5, 8, SECOND - 1, SECOND, SECOND, SECOND + 1, 2 * SECOND)
DELAYS = (None, None, None, -1, 0, 1, 2, SECOND)

waits = st.sampled_from(WAITS)
instants = st.sampled_from(sorted({abs(wait) for wait in WAITS} | {5, 2 * SECOND}))
_amounts = st.integers(1, 20)
_parts = st.none() | st.integers(1, 12)
_targets = st.integers(0, 63)

grants = st.builds(
    Move,
    kind=st.just("grant"),
    points=st.sampled_from([*range(1, 21), 0, MAX_POINTS - 20, MAX_POINTS]),
    active_from=st.sampled_from(DELAYS),
    expires_at=st.sampled_from(LIVES),
)
spends = st.builds(Move, kind=st.just("spend"), points=st.sampled_from([*range(1, 15), 0, MAX_POINTS]))
holds = st.builds(Move, kind=st.just("hold"), points=st.integers(1, 12), seconds=st.sampled_from([1, 1, 2]))
captures = st.builds(Move, kind=st.just("capture"), points=_parts, target=_targets)
releases = st.builds(Move, kind=st.just("release"), target=_targets)
reversals = st.builds(
    Move, kind=st.just("reverse"), points=_parts, target=_targets, take_available=st.sampled_from([False, True])
)
moves = grants | spends | holds | captures | releases | reversals
"""Moves whose instants are relative to now, and whose targets are mere choices; `aim` makes them real."""

_first = st.builds(Move, kind=st.just("grant"), points=_amounts, expires_at=st.sampled_from([None, 2, 3, 5, SECOND]))


@st.composite
def scripts(draw: st.DrawFn) -> list[Move | int]:
    """Some grants, and then anything; long enough that something comes of it."""
    return [*draw(st.lists(_first, min_size=1, max_size=3)), *draw(st.lists(moves | waits, min_size=6, max_size=20))]


def aim(move: Move, now: int, past: Past) -> Move:
    """The move with absolute instants and with the seq of what it is about, which is written in `past` already."""
    targets: list[int] = []
    if move.kind in ("capture", "release"):
        targets = sorted(past.holds, reverse=True)
    if move.kind == "reverse":
        kinds = {"grant", "spend", "capture"} if move.target % 6 else {line.kind for line in past.lines}
        targets = [seq for seq, line in enumerate(past.lines, 1) if line.kind in kinds]
    about = move.kind in ("capture", "release", "reverse")
    missing = len(past.lines) + 1_000 if about else 0
    exists = targets and move.target % 8 != 7
    return replace(
        move,
        target=targets[move.target % len(targets)] if exists else missing,
        active_from=None if move.active_from is None else now + move.active_from,
        expires_at=None if move.expires_at is None else now + move.expires_at,
    )


def command(move: Move) -> Command:
    """The command that asks for a move."""
    match move.kind:
        case "capture":
            return Capture(move.target, move.points)
        case "release":
            return Release(move.target)
        case "reverse":
            wanted = OnShortfall.TAKE_AVAILABLE if move.take_available else OnShortfall.REFUSE
            return Reverse(move.target, move.points, wanted)
    assert move.points is not None
    match move.kind:
        case "grant":
            return Grant(move.points, move.expires_at, move.active_from)
        case "spend":
            return Spend(move.points)
        case "hold":
            return Hold(move.points, move.seconds)
    raise AssertionError(move)
