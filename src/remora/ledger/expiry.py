"""When points expire that were granted without a date: a bot's policy, in its time zone.

`none`: never. `days:N`, `months:N`: at the same local time, N days or months later. `months:N:month`, `:quarter`,
`:year`: when the month, quarter or year that this falls in ends.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from remora.model import NEVER

FORM = "none, days:N, months:N, months:N:month, months:N:quarter or months:N:year"
MAX_DAYS, MAX_MONTHS = 36_500, 1_200

_POLICY = re.compile(r"(?P<unit>days|months):(?P<count>[1-9]\d{0,4})(:(?P<round>month|quarter|year))?", re.ASCII)
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def check(policy: str) -> None:
    """Raise ValueError, which says what a policy looks like."""
    if policy == "none":
        return
    parsed = _POLICY.fullmatch(policy)
    most = MAX_DAYS if parsed and parsed["unit"] == "days" else MAX_MONTHS
    if not parsed or int(parsed["count"]) > most or (parsed["unit"] == "days" and parsed["round"]):
        raise ValueError(f"must be {FORM}, at most {MAX_DAYS} days or {MAX_MONTHS} months")


@lru_cache(maxsize=16)
def expires_at(policy: str, zone: str, start: int) -> int:
    """When points that can be used from `start` expire, in UTC microseconds: reckoned once for the grants of a batch.

    A local time that the clocks skip counts as that much later; of one that comes twice, the first is meant.
    """
    parsed = _POLICY.fullmatch(policy)
    if parsed is None:
        return NEVER
    local = (_EPOCH + timedelta(microseconds=start)).astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
    count = int(parsed["count"])
    if parsed["unit"] == "days":
        end = local + timedelta(days=count)
    else:
        end = datetime.combine(_months_later(local.date(), count), local.time())
        if parsed["round"]:
            end = datetime.combine(_end_of(end.date(), _MONTHS[parsed["round"]]), time())
    return (end.replace(tzinfo=ZoneInfo(zone)) - _EPOCH) // _MICROSECOND


def _months_later(day: date, count: int) -> date:
    """The same day of a later month, or the last day of a shorter one."""
    years, month = divmod(day.month - 1 + count, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _end_of(day: date, months: int) -> date:
    """The first day after the month, quarter or year (1, 3 or 12 months) that a day is in."""
    return _months_later(day.replace(month=(day.month - 1) // months * months + 1, day=1), months)
