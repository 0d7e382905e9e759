"""Instants on the wire and the command line."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora import rfc3339


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.000001Z", 1),
        ("1970-01-01T08:00:00+08:00", 0),
        ("1969-12-31T23:59:59.5-00:00", -500_000),
        ("2030-01-31t23:59:59z", 1_896_134_399_000_000),
        ("2030-01-31 23:59:59+08:00", 1_896_105_599_000_000),
    ],
)
def test_an_instant_is_read_with_its_offset(text: str, instant: int) -> None:
    assert rfc3339.parse(text) == instant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2030-01-31",
        "2030-01-31T23:59:59",
        "2030-01-31T23:59Z",
        "2030-02-30T00:00:00Z",
        "2030-01-31T24:00:01Z",
        "2030-01-31T23:59:60Z",
        "2030-01-31T23:59:59.1234567Z",
        "2030-01-31T23:59:59+99:00",
        "20300131T235959Z",
        "2030-W05-4T00:00:00Z",
        "\uff12030-01-31T23:59:59Z",
        "2030-01-31T23:59:59Z\n",
    ],
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be|is not a real"):
        rfc3339.parse(text)


@given(st.datetimes().map(lambda moment: (moment - datetime(1970, 1, 1)) // timedelta(microseconds=1)))  # noqa: DTZ001 (all are UTC)
def test_what_is_written_is_read_back(instant: int) -> None:
    assert rfc3339.parse(rfc3339.render(instant)) == instant
