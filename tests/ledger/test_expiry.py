"""Expiry policies: every form, in zones whose clocks skip and repeat hours, and what a new policy leaves alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from remora.errors import InvalidField
from remora.ledger import expiry
from remora.ledger.commands import Grant
from remora.model import NEVER
from remora.service import bots, lookup, points
from remora.service.installation import Installation
from tests.cast import DAY, START, ManualClock, Shop

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = DAY // 24


def utc(text: str) -> int:
    """The instant, in microseconds, of a time in UTC."""
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


def expires(policy: str, zone: str, start: str) -> str:
    """When points that start at a time in UTC expire, in UTC."""
    return (EPOCH + timedelta(microseconds=expiry.expires_at(policy, zone, utc(start)))).isoformat()[:-6]


def test_by_default_points_never_expire() -> None:
    assert expiry.expires_at("none", "Asia/Taipei", START) == NEVER


@pytest.mark.parametrize(
    ("policy", "start", "end"),
    [
        ("days:1", "2027-01-31T10:20:30.000007", "2027-02-01T10:20:30.000007"),
        ("days:365", "2027-03-01T00:00:00", "2028-02-29T00:00:00"),
        ("days:366", "2027-03-01T00:00:00", "2028-03-01T00:00:00"),
        ("days:36500", "2027-01-01T00:00:00", "2126-12-08T00:00:00"),
        ("months:1", "2027-01-15T10:20:30.000007", "2027-02-15T10:20:30.000007"),
        ("months:1", "2027-01-31T00:00:00", "2027-02-28T00:00:00"),
        ("months:1", "2028-01-31T00:00:00", "2028-02-29T00:00:00"),
        ("months:1", "2027-03-31T00:00:00", "2027-04-30T00:00:00"),
        ("months:1", "2027-02-28T00:00:00", "2027-03-28T00:00:00"),
        ("months:12", "2028-02-29T12:00:00", "2029-02-28T12:00:00"),
        ("months:48", "2028-02-29T12:00:00", "2032-02-29T12:00:00"),
        ("months:12", "2096-02-29T12:00:00", "2097-02-28T12:00:00"),
        ("months:48", "2096-02-29T12:00:00", "2100-02-28T12:00:00"),
        ("months:1", "2027-12-31T23:59:59", "2028-01-31T23:59:59"),
        ("months:1200", "2027-06-30T00:00:00", "2127-06-30T00:00:00"),
    ],
)
def test_days_and_months_end_at_the_same_time_of_day(policy: str, start: str, end: str) -> None:
    assert expires(policy, "UTC", start) == end


@pytest.mark.parametrize(
    ("policy", "start", "end"),
    [
        ("months:1:month", "2027-01-01T00:00:00", "2027-03-01T00:00:00"),
        ("months:1:month", "2027-01-31T23:59:59", "2027-03-01T00:00:00"),
        ("months:1:month", "2027-11-30T00:00:00", "2028-01-01T00:00:00"),
        ("months:1:month", "2027-12-01T00:00:00", "2028-02-01T00:00:00"),
        ("months:1:quarter", "2027-01-01T00:00:00", "2027-04-01T00:00:00"),
        ("months:1:quarter", "2027-02-28T23:59:59", "2027-04-01T00:00:00"),
        ("months:1:quarter", "2027-03-01T00:00:00", "2027-07-01T00:00:00"),
        ("months:3:quarter", "2027-09-30T12:00:00", "2028-01-01T00:00:00"),
        ("months:3:quarter", "2027-10-01T00:00:00", "2028-04-01T00:00:00"),
        ("months:12:year", "2027-01-01T00:00:00", "2029-01-01T00:00:00"),
        ("months:12:year", "2027-12-31T23:59:59.999999", "2029-01-01T00:00:00"),
        ("months:1:year", "2027-11-30T23:59:59.999999", "2028-01-01T00:00:00"),
        ("months:1:year", "2027-12-01T00:00:00", "2029-01-01T00:00:00"),
        ("months:1200:year", "2027-12-01T00:00:00", "2128-01-01T00:00:00"),
    ],
)
def test_months_can_be_rounded_up_to_the_end_of_a_month_quarter_or_year(policy: str, start: str, end: str) -> None:
    assert expires(policy, "UTC", start) == end


@pytest.mark.parametrize(
    ("policy", "zone", "start", "end"),
    [
        # Taipei is 8 hours ahead, all year: the evening of 31 December in UTC is next year there.
        ("months:12:year", "Asia/Taipei", "2027-12-31T15:59:59.999999", "2028-12-31T16:00:00"),
        ("months:12:year", "Asia/Taipei", "2027-12-31T16:00:00", "2029-12-31T16:00:00"),
        ("months:1:month", "Asia/Taipei", "2027-01-31T16:00:00", "2027-03-31T16:00:00"),
        ("days:30", "Asia/Taipei", "2027-01-01T00:00:00", "2027-01-31T00:00:00"),
        # Berlin goes ahead on 28 March 2027, and back on 31 October.
        ("days:1", "Europe/Berlin", "2027-03-27T11:00:00", "2027-03-28T10:00:00"),
        ("days:1", "Europe/Berlin", "2027-10-30T10:00:00", "2027-10-31T11:00:00"),
        ("months:1", "Europe/Berlin", "2027-03-01T11:00:00", "2027-04-01T10:00:00"),
        ("months:1:month", "Europe/Berlin", "2027-02-15T00:00:00", "2027-03-31T22:00:00"),
        ("months:1:quarter", "Europe/Berlin", "2027-10-01T00:00:00", "2027-12-31T23:00:00"),
        # New York goes ahead on 14 March 2027, and back on 7 November.
        ("days:1", "America/New_York", "2027-03-13T17:00:00", "2027-03-14T16:00:00"),
        ("days:1", "America/New_York", "2027-11-06T16:00:00", "2027-11-07T17:00:00"),
        ("months:12:year", "America/New_York", "2027-01-01T04:59:59", "2028-01-01T05:00:00"),
    ],
)
def test_the_time_of_day_is_that_of_the_bots_zone(policy: str, zone: str, start: str, end: str) -> None:
    assert expires(policy, zone, start) == end


@pytest.mark.parametrize(
    ("policy", "zone", "start", "end"),
    [
        # 02:30 does not come on 28 March 2027 in Berlin, nor on 14 March in New York: 03:30 does.
        ("days:1", "Europe/Berlin", "2027-03-27T01:30:00", "2027-03-28T01:30:00"),
        ("days:1", "America/New_York", "2027-03-13T07:30:00", "2027-03-14T07:30:00"),
        # Midnight did not come on 4 November 2018 in São Paulo, 31 March 2024 in Beirut, 26 April 2024 in Cairo.
        ("days:1", "America/Sao_Paulo", "2018-11-03T03:00:00", "2018-11-04T03:00:00"),
        ("days:1", "Asia/Beirut", "2024-03-29T22:00:00", "2024-03-30T22:00:00"),
        ("days:1", "Africa/Cairo", "2024-04-24T22:00:00", "2024-04-25T22:00:00"),
        # A month whose first midnight did not come: Amman, 1 April 2016.
        ("months:1:month", "Asia/Amman", "2016-02-10T00:00:00", "2016-03-31T22:00:00"),
        # A whole day did not come: 30 December 2011 in Apia.
        ("days:1", "Pacific/Apia", "2011-12-29T22:00:00", "2011-12-30T22:00:00"),
    ],
)
def test_a_time_that_the_clocks_skip_counts_as_that_much_later(policy: str, zone: str, start: str, end: str) -> None:
    assert expires(policy, zone, start) == end


@pytest.mark.parametrize(
    ("policy", "zone", "start", "end"),
    [
        ("days:1", "Europe/Berlin", "2027-10-30T00:30:00", "2027-10-31T00:30:00"),
        ("days:1", "America/New_York", "2027-11-06T05:30:00", "2027-11-07T05:30:00"),
        ("days:1", "America/Sao_Paulo", "2018-02-17T01:30:00", "2018-02-18T01:30:00"),
    ],
)
def test_of_a_time_that_comes_twice_the_first_is_meant(policy: str, zone: str, start: str, end: str) -> None:
    assert expires(policy, zone, start) == end


@pytest.mark.parametrize(
    ("policy", "zone", "start", "end"),
    [
        # 01:30 comes twice on 5 November 2023 in New York, and on 5 November 2028.
        ("months:60", "America/New_York", "2023-11-05T06:30:00", "2028-11-05T05:30:00"),
        # 02:30 comes twice on 31 October 2027 in Berlin, and not at all on 31 March 2030.
        ("months:29", "Europe/Berlin", "2027-10-31T01:30:00", "2030-03-31T01:30:00"),
    ],
)
def test_points_granted_in_the_second_of_two_equal_hours_expire_like_those_of_the_first(
    policy: str, zone: str, start: str, end: str
) -> None:
    hour_before = (datetime.fromisoformat(start) - timedelta(hours=1)).isoformat()
    assert expires(policy, zone, start) == expires(policy, zone, hour_before) == end


@effort(deadline=None)
@given(
    policy=st.builds("days:{}".format, st.integers(1, 36_500))
    | st.builds("months:{}{}".format, st.integers(1, 1_200), st.sampled_from(["", ":month", ":quarter", ":year"])),
    zone=st.sampled_from(sorted(available_timezones())),
    start=st.integers(START - 40_000 * DAY, START + 36_525 * DAY),
)
def test_points_of_any_policy_live_for_about_so_long_in_any_zone(policy: str, zone: str, start: int) -> None:
    expiry.check(policy)
    unit, count, *rounded = policy.split(":")
    least = int(count) if unit == "days" else int(count) * 31 - int(count) * 31 // 16  # no month in a row is so short
    most = int(count) if unit == "days" else int(count) * 31
    spare = {"month": 31, "quarter": 92, "year": 366}[rounded[0]] if rounded else 0
    lives = expiry.expires_at(policy, zone, start) - start
    assert (least - 4) * DAY <= lives <= (most + spare + 2) * DAY
    assert lives > 0


@pytest.mark.parametrize(
    "policy",
    [
        "", "None", "never", "days", "days:", "days:0", "days:-1", "days:01", "days:1.5", "days:36501", "days:99999",
        "days:100000", "days:1:month", "days: 1", "days:1 ", "days:1\n", "days:\u0661", "months:0",
        "months:1201", "months:1:",        "months:1:week", "months:1:month:year", "month:1",
        "weeks:1", "years:1", " none", "none\n", "NONE", "days:1e2",
    ],
)  # fmt: skip
def test_anything_else_is_no_policy(installation: Installation, shop: Shop, policy: str) -> None:
    with pytest.raises(ValueError, match=r"must be none, days:N, months:N"):
        expiry.check(policy)
    with pytest.raises(InvalidField, match="expiryPolicy"):
        bots.update(installation, shop.bot_id, expiry_policy=policy)
    with pytest.raises(InvalidField, match="expiryPolicy"):
        bots.create(installation, "Shop", "another", expiry_policy=policy)


@pytest.mark.parametrize(
    "zone", ["", "Taipei", "asia/taipei", "../etc/passwd", "/etc/localtime", "UTC+8", "Asia/Taipei "]
)
def test_a_zone_that_is_not_one_is_refused_and_named(installation: Installation, shop: Shop, zone: str) -> None:
    with pytest.raises(InvalidField, match="timeZone"):
        bots.update(installation, shop.bot_id, time_zone=zone)


def test_a_grant_without_a_date_is_dated_by_the_policy_from_when_it_starts(
    installation: Installation, clock: ManualClock
) -> None:
    shop = shop_with(installation, "months:1:month", "Asia/Taipei")
    clock.time = utc("2027-01-31T15:59:59")
    assert granted(shop, Grant(1)) == utc("2027-02-28T16:00:00")
    assert granted(shop, Grant(1, active_from=utc("2027-01-31T16:00:00"))) == utc("2027-03-31T16:00:00")


def test_a_grant_that_names_a_date_does_not_mind_the_policy(installation: Installation, clock: ManualClock) -> None:
    shop = shop_with(installation, "days:1")
    for named in (clock.time + 1, clock.time + 400 * DAY, NEVER):
        assert granted(shop, Grant(1, named)) == named


def test_a_new_policy_or_zone_is_for_grants_to_come(installation: Installation, clock: ManualClock) -> None:
    shop = shop_with(installation, "days:2")
    client_id = shop.client()
    first = points.order(installation, shop.bot_id, client_id, Grant(5, active_from=START + HOUR))
    bots.update(installation, shop.bot_id, expiry_policy="days:1", time_zone="Asia/Taipei")
    clock.time += DAY
    second = points.order(installation, shop.bot_id, client_id, Grant(3))
    assert (first.entry.expires_at, second.entry.expires_at) == (START + HOUR + 2 * DAY, START + 2 * DAY)
    for at, available in (
        (START + 2 * DAY - 1, 8),
        (START + 2 * DAY, 5),
        (START + HOUR + 2 * DAY - 1, 5),
        (START + HOUR + 2 * DAY, 0),
    ):
        clock.time = at
        found = lookup.balances(installation, shop.bot_id, [client_id])
        assert found[client_id].points == available


def test_a_key_gives_yesterdays_answer_after_the_policy_changed(installation: Installation, clock: ManualClock) -> None:
    shop = shop_with(installation, "days:2")
    client_id = shop.client()
    first = points.order(installation, shop.bot_id, client_id, Grant(5), "order-1")
    bots.update(installation, shop.bot_id, expiry_policy="none")
    clock.time += DAY
    assert points.order(installation, shop.bot_id, client_id, Grant(5), "order-1") == first


def shop_with(installation: Installation, policy: str, zone: str = "UTC") -> Shop:
    pair = bots.create(installation, "Shop", "shop", expiry_policy=policy, time_zone=zone)
    return Shop(installation, "shop", pair.api_token, pair.api_secret)


def granted(shop: Shop, command: Grant) -> int | None:
    """When the points of a grant expire."""
    return points.order(shop.installation, shop.bot_id, shop.client(), command).entry.expires_at
