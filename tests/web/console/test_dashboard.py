"""Reports: what was done by day of the bot's zone, what is outstanding, and how look-ups were answered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from remora.ledger.commands import Capture, Grant, Hold, Reverse, Spend
from remora.model import NEVER, Role
from remora.service import bots
from remora.service.authority import Authority
from remora.service.report import DAYS, FRESH_SECONDS, OUTSTANDING_SECONDS, Day, Report, Reports
from remora.web.console.charts import short, tick
from tests.cast import DAY, SECOND, Api, ManualClock, Shop
from tests.wallet import Wallet
from tests.web.console.visitor import Visitor, bot_path

AUTHORITY = Authority("an", Role.ADMIN)
HOUR = 3_600 * SECOND


@pytest.fixture
def wallet(shop: Shop) -> Wallet:
    return Wallet(shop, shop.client())


def report(shop: Shop, reports: Reports | None = None) -> Report:
    return (reports or Reports()).of(shop.installation, AUTHORITY, shop.bot_id)


def day(told: Report, number: int) -> Day:
    """The day so many before the last."""
    return told.days[-1 - number]


def test_each_day_has_what_was_done_on_it(wallet: Wallet, rival: Shop, clock: ManualClock) -> None:
    rival.client(999)
    wallet.do(Grant(100, clock.time + DAY + HOUR))
    wallet.do(Spend(30))
    wallet.do(Reverse(2, 10))
    hold = wallet.seq(Hold(20))
    wallet.do(Capture(hold, 15))
    clock.time += 2 * DAY
    wallet.do(Grant(5))
    wallet.do(Reverse(wallet.seq(Grant(3))))
    told = report(wallet.shop)
    assert len(told.days) == DAYS
    today = date(2027, 1, 17)
    assert day(told, 2) == Day(today - timedelta(days=2), granted=100, spent=45, given_back=10)
    assert day(told, 1) == Day(today - timedelta(days=1), expired=65)
    assert day(told, 0) == Day(today, granted=8, taken_back=3)
    assert told.outstanding == 5


def test_days_are_those_of_the_bots_zone(wallet: Wallet, clock: ManualClock) -> None:
    clock.time = int(datetime(2027, 1, 15, 15, 59, tzinfo=UTC).timestamp()) * SECOND
    wallet.do(Grant(1))
    clock.time += 60 * SECOND
    wallet.do(Grant(2))
    for zone, granted in (("Asia/Taipei", [1, 2]), ("UTC", [0, 3]), ("Asia/Kathmandu", [0, 3])):
        bots.update(wallet.shop.installation, wallet.shop.bot_id, time_zone=zone)
        assert [each.granted for each in report(wallet.shop).days[-2:]] == granted, zone


def test_what_is_outstanding_is_told_by_the_month_of_its_expiry(wallet: Wallet, clock: ManualClock) -> None:
    bots.update(wallet.shop.installation, wallet.shop.bot_id, time_zone="Asia/Taipei")
    at = [
        datetime(2027, 1, 31, 15, 59, tzinfo=UTC),
        datetime(2027, 1, 31, 16, tzinfo=UTC),
        datetime(2029, 1, 1, tzinfo=UTC),
    ]
    for points, end in zip((1, 2, 4), at, strict=True):
        wallet.do(Grant(points, int(end.timestamp()) * SECOND))
    wallet.do(Grant(8, NEVER))
    wallet.do(Grant(16, clock.time + SECOND))
    clock.time += 2 * SECOND
    told = report(wallet.shop)
    assert [(str(month.first), month.points) for month in told.months[:3]] == [
        ("2027-01-01", 1),
        ("2027-02-01", 2),
        ("2027-03-01", 0),
    ]
    assert [(month.never, month.points) for month in told.months[-2:]] == [(False, 4), (True, 8)]
    assert told.outstanding == 15


def test_what_goes_on_is_counted_anew_and_what_is_over_is_not(wallet: Wallet, clock: ManualClock) -> None:
    reports = Reports()
    wallet.do(Grant(1))
    assert day(report(wallet.shop, reports), 0).granted == 1
    wallet.do(Grant(2))
    assert day(report(wallet.shop, reports), 0).granted == 1, "counted a moment ago"
    clock.time += FRESH_SECONDS * SECOND
    told = report(wallet.shop, reports)
    assert day(told, 0).granted == 3
    assert told.outstanding == 1
    assert told.counted_at == clock.time - FRESH_SECONDS * SECOND
    clock.time += OUTSTANDING_SECONDS * SECOND
    assert report(wallet.shop, reports).outstanding == 3
    clock.time += 2 * DAY
    assert day(report(wallet.shop, reports), 2).granted == 3
    asked: list[int] = []
    counted = reports._days
    before = {key: id(value) for key, value in counted.items()}
    clock.time += FRESH_SECONDS * SECOND
    report(wallet.shop, reports)
    asked = [number for (_, number), value in counted.items() if id(value) != before[wallet.shop.bot_id, number]]
    assert asked == [clock.time // DAY], "the day that goes on, and no other"


def test_the_page_has_each_chart_with_its_numbers(mei: Visitor, wallet: Wallet) -> None:
    wallet.do(Grant(1_234))
    page = mei.page(bot_path(wallet.shop))
    assert page.count("<figure") == 3
    assert page.count('<svg class="chart wide"') == page.count('<svg class="chart narrow"') == 2, "no look-ups yet"
    assert page.count("<details>") == 2
    assert '<td class="number">1,234</td>' in page


def test_how_a_bots_look_ups_were_answered_is_told(
    signed_in: Callable[[str], Visitor], api: Api, shop: Shop, rival: Shop
) -> None:
    client_id = shop.client(1)
    viewer = signed_in("viewer")
    api.look_up(rival, clientIds=["nobody"])
    assert "None yet." in viewer.page(bot_path(shop))
    for _ in range(3):
        assert api.look_up(shop, clientIds=[client_id]).status_code == 200
    shop.secret = "wrong"
    api.look_up(shop, clientIds=[client_id])
    page = viewer.page(bot_path(shop))
    assert '<th scope="row">200</th><td class="number">3</td>' in page
    assert '<th scope="row">403</th><td class="number">1</td>' in page


@pytest.mark.parametrize(("most", "step"), [(0, 1), (4, 1), (5, 2), (8, 2), (9, 5), (21, 10), (4_001, 2_000)])
def test_four_round_steps_reach_the_largest_value(most: int, step: int) -> None:
    assert tick(most) == step


def test_large_numbers_are_written_short() -> None:
    assert [short(each) for each in (0, 950, 1_200, 35_000_000, 2**53)] == ["0", "950", "1.2k", "35M", "9.01P"]
