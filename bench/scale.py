"""How much the benchmark does: as much as figures want, or as little as shows that it works."""

from __future__ import annotations

from msgspec import Struct


class Scale(Struct, frozen=True):
    """Rounds of each row, the seconds of each round, and how many clients there are."""

    rounds: int
    seconds: int
    clients: int
    many: int
    """What `large`, `memory` and `start` compare with `clients`."""
    with_lots: int
    """How many clients have 200 lots each."""
    spends_a_second: int
    """How many spends a second there are points for."""
    first_minute: int
    """Seconds after which the server's memory is looked at first."""
    hour: int
    """Seconds of the requests after it."""


FULL = Scale(
    rounds=5,
    seconds=3,
    clients=50_000,
    many=5_000_000,
    with_lots=1_000,
    spends_a_second=12_000,
    first_minute=60,
    hour=180,
)
QUICK = Scale(
    rounds=1,
    seconds=1,
    clients=2_000,
    many=20_000,
    with_lots=200,
    spends_a_second=8_000,
    first_minute=2,
    hour=2,
)
