"""Buying, earning and refunding round and round: no point comes of nothing, and none is lost."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from remora.clock import Clock
from remora.errors import Refusal
from remora.ledger.commands import Capture, Grant, Hold, OnShortfall, Release, Reverse, Spend
from remora.service.installation import Installation
from tests.cast import SECOND, START, ManualClock, open_shop
from tests.wallet import Wallet

MakeInstallation = Callable[[Clock], AbstractContextManager[Installation]]

loops = st.lists(
    st.tuples(
        st.sampled_from(["buy", "earn", "take back", "hold", "capture", "release", "refund", "wait"]),
        st.integers(1, 9),
    ),
    min_size=5,
    max_size=25,
)


@effort(max_examples=30, deadline=None)
@given(loop=loops)
def test_a_loop_of_buying_earning_and_refunding_makes_no_points(
    make_installation: MakeInstallation, loop: list[tuple[str, int]]
) -> None:
    clock = ManualClock()
    with make_installation(clock) as installation:
        shop = open_shop(installation, "shop")
        wallet = Wallet(shop, shop.client(10))
        shop.grant(wallet.client_id, 10, START + 2 * SECOND)
        for what, number in loop:
            with suppress(Refusal):
                step(wallet, clock, what, number)
            moved = {"grant": 0, "spend": 0, "capture": 0, "reverse": 0, "expire": 0}
            for entry in wallet.journal():
                if entry.kind in moved:
                    moved[entry.kind] += sum(change.points for change in entry.lots)
            assert wallet.available + wallet.held == sum(moved.values())
            assert 0 <= wallet.available <= moved["grant"]


def step(wallet: Wallet, clock: ManualClock, what: str, number: int) -> None:
    """Do one thing of a loop to the hold or purchase that the number picks."""
    entries = wallet.journal()
    given = [entry.seq for entry in entries if entry.kind == "grant"]
    held = [entry.seq for entry in entries if entry.kind == "hold"]
    bought = [entry.seq for entry in entries if entry.kind in ("spend", "capture")]
    match what:
        case "buy":
            wallet.do(Spend(number))
        case "earn":
            wallet.do(Grant(number))
        case "take back":
            wallet.do(Reverse(given[number % len(given)], shortfall=OnShortfall.TAKE_AVAILABLE))
        case "hold":
            wallet.do(Hold(number, 1))
        case "capture" if held:
            wallet.do(Capture(held[number % len(held)], number))
        case "release" if held:
            wallet.do(Release(held[number % len(held)]))
        case "refund" if bought:
            wallet.do(Reverse(bought[number % len(bought)], number))
        case "wait":
            clock.time += number * SECOND // 8
