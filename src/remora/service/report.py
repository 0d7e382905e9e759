"""A bot's report: points granted, spent and expired by day, and what is outstanding by the month of its expiry.

Nothing of it is stored. What was written down on a day that is over never changes, so a process counts it once; the day
that goes on, and what is outstanding, it counts anew when they are older than a moment.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from msgspec import Struct

from remora.model import MICROSECONDS_PER_SECOND, NEVER, Bot
from remora.service import access
from remora.service.authority import Authority
from remora.service.installation import Installation
from remora.storage import reports
from remora.storage.reports import QUARTER, Moved

Key = TypeVar("Key")
Value = TypeVar("Value")

DAYS = 30
MONTHS = 12
"""Months ahead that are told apart; what expires later is one sum."""

FRESH_SECONDS = 15
OUTSTANDING_SECONDS = 300
"""What is outstanding is a walk over all lots that have points left."""

REMEMBERED = 10_000
"""So many days of bots are remembered, some kilobytes each at most."""

_DAY = 86_400 * MICROSECONDS_PER_SECOND
_SETTLED = 600 * MICROSECONDS_PER_SECOND
"""What is being written down when a day ends is on disk so much later at the latest."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Day(Struct):
    """What was done to points on one day of the bot's time zone."""

    day: date
    granted: int = 0
    spent: int = 0
    expired: int = 0
    given_back: int = 0
    taken_back: int = 0


class Month(Struct, frozen=True):
    """Points that expire in a month; `first` None for later ones, and for those that never do as `never` says."""

    first: date | None
    never: bool
    points: int


class Report(Struct, frozen=True):
    """`days` from the oldest to today; `months` from this one on. `counted_at` is the older of the two counts."""

    days: list[Day]
    months: list[Month]
    outstanding: int
    counted_at: int


class _Counted(Struct, frozen=True):
    at: int
    final: bool
    moved: list[Moved]


class Reports:
    """Makes reports, in any thread, and remembers what cannot have changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._days: OrderedDict[tuple[str, int], _Counted] = OrderedDict()
        self._outstanding: OrderedDict[str, tuple[int, dict[int, int]]] = OrderedDict()

    def of(self, installation: Installation, authority: Authority, bot_id: str) -> Report:
        """The report of one bot. NoSuchBot refuses; StoreUnavailable where it takes the database too long."""
        authority.reads(bot_id)
        with installation.database.read() as tx:
            bot = access.known_bot(tx, bot_id)
        now = installation.clock.now()
        zone = ZoneInfo(bot.time_zone)
        today = _local(now, zone).date()
        days = {today - timedelta(days=back): Day(today - timedelta(days=back)) for back in reversed(range(DAYS))}
        oldest = now
        # One day more than is shown: days of the zone are not those of UTC, by which it is counted.
        for number in range(now // _DAY - DAYS, now // _DAY + 1):
            counted = self._moved(installation, bot_id, number, now)
            oldest = oldest if counted.final else min(oldest, counted.at)
            for quarter, kind, came, points in counted.moved:
                day = days.get(_local(quarter * QUARTER, zone).date())
                if day is not None:
                    _add(day, kind, points, came=came)
        at, outstanding = self._left(installation, bot_id, now)
        return Report(list(days.values()), _months(outstanding, bot, today), sum(outstanding.values()), min(at, oldest))

    def _moved(self, installation: Installation, bot_id: str, number: int, now: int) -> _Counted:
        """What was written down on a day of UTC."""
        with self._lock:
            known = self._days.get((bot_id, number))
        if known is not None and (known.final or 0 <= now - known.at < FRESH_SECONDS * MICROSECONDS_PER_SECOND):
            return known
        with installation.database.read() as tx:
            moved = reports.moved(tx, bot_id, number * _DAY, (number + 1) * _DAY)
        counted = _Counted(now, (number + 1) * _DAY + _SETTLED <= now, moved)
        with self._lock:
            _keep(self._days, (bot_id, number), counted)
        return counted

    def _left(self, installation: Installation, bot_id: str, now: int) -> tuple[int, dict[int, int]]:
        """When it was counted, and what was left then, by the quarter of an hour in which it expires."""
        with self._lock:
            known = self._outstanding.get(bot_id)
        if known is not None and 0 <= now - known[0] < OUTSTANDING_SECONDS * MICROSECONDS_PER_SECOND:
            return known
        with installation.database.read() as tx:
            counted = now, reports.outstanding(tx, bot_id, now)
        with self._lock:
            _keep(self._outstanding, bot_id, counted)
        return counted


def _keep(kept: OrderedDict[Key, Value], key: Key, value: Value) -> None:
    """Remember, and forget what was remembered first where it is too much."""
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > REMEMBERED:
        kept.popitem(last=False)


def _add(day: Day, kind: str, points: int, *, came: bool) -> None:
    match kind:
        case "grant":
            day.granted += points
        case "spend" | "capture":
            day.spent -= points
        case "expire":
            day.expired -= points
        case _ if came:
            day.given_back += points
        case _:
            day.taken_back -= points


def _months(outstanding: dict[int, int], bot: Bot, today: date) -> list[Month]:
    zone = ZoneInfo(bot.time_zone)
    firsts = [_month_after(today.replace(day=1), number) for number in range(MONTHS)]
    beyond = _instant(_month_after(firsts[-1], 1), zone)
    by_month = dict.fromkeys(firsts, 0)
    later = never = 0
    for quarter, points in outstanding.items():
        if quarter == NEVER // QUARTER:
            never += points
        elif quarter * QUARTER >= beyond:
            later += points
        else:
            by_month[max(firsts[0], _local(quarter * QUARTER, zone).date().replace(day=1))] += points
    return [
        *(Month(first, never=False, points=points) for first, points in by_month.items()),
        Month(None, never=False, points=later),
        Month(None, never=True, points=never),
    ]


def _month_after(first: date, count: int) -> date:
    years, month = divmod(first.month - 1 + count, 12)
    return date(first.year + years, month + 1, 1)


def _local(instant: int, zone: ZoneInfo) -> datetime:
    return (_EPOCH + timedelta(microseconds=instant)).astimezone(zone)


def _instant(day: date, zone: ZoneInfo) -> int:
    return (datetime.combine(day, time(), zone) - _EPOCH) // _MICROSECOND
