"""Amounts and times as people read them, in a bot's time zone."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup

from remora import rfc3339
from remora.model import MAX_POINTS, NEVER

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_INPUTS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M")


def points(amount: int) -> str:
    """With separators: 12,345; below zero with a true minus, as wide as a plus."""
    return f"{amount:,}".replace("-", "\u2212")


def signed(amount: int) -> str:
    return f"+{amount:,}" if amount > 0 else points(amount)


def amount(text: str) -> int | None:
    """What somebody typed as a number of points, full-width digits and separators included; None if it is none."""
    digits = unicodedata.normalize("NFKC", text).replace(",", "").replace(" ", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len(str(MAX_POINTS))):
        return None
    number = int(digits)
    return number if 1 <= number <= MAX_POINTS else None


class Zone:
    """A time zone, and its ways of writing instants (UTC microseconds)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._zone = ZoneInfo(name)

    def time(self, instant: int) -> Markup:
        """An element with the local time; the instant in UTC is its title."""
        exact = rfc3339.render(instant)
        return Markup('<time datetime="{0}" title="{0}">{1}</time>').format(exact, self._text(instant))

    def offset(self, instant: int) -> str:
        """How far the zone is from UTC then: UTC+08:00."""
        text = self.local(instant).strftime("%z")
        return f"UTC{text[:3]}:{text[3:5]}"

    def field(self, instant: int) -> str:
        """As a field for local times has it."""
        return self.local(instant).strftime(_INPUTS[0])

    def instant(self, text: str) -> int | None:
        """What such a field was filled with; None if it is no time. Of one that comes twice, the first is meant."""
        for form in _INPUTS:
            try:
                local = datetime.strptime(text.strip(), form).replace(tzinfo=self._zone)
                instant = (local - _EPOCH) // _MICROSECOND
                rfc3339.render(instant)  # the first and the last year are not whole in every zone
            except (ValueError, OverflowError):
                continue
            return instant
        return None

    def local(self, instant: int) -> datetime:
        """The last year there is may be over in the zone, so there it is told in UTC."""
        utc = _EPOCH + timedelta(microseconds=instant)
        try:
            return utc.astimezone(self._zone)
        except OverflowError:
            return utc

    def _text(self, instant: int) -> str:
        return self.local(instant).strftime("%Y-%m-%d %H:%M:%S")


def is_never(instant: int | None) -> bool:
    return instant == NEVER
