"""Limits of a process that serves alone."""

from __future__ import annotations

import pytest

from remora.settings import rate as parse_rate
from remora.web import window
from remora.web.local_limiter import LocalLimiter
from remora.web.rate_limit import BOT, FAILED_AUTH
from remora.web.window import KEPT_SECONDS, Window, Windows

MINUTE = 60.0


class Seconds:
    def __init__(self) -> None:
        self.time = 1_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def limiter(seconds: Seconds) -> LocalLimiter:
    return LocalLimiter({BOT: parse_rate("2/minute"), FAILED_AUTH: parse_rate("1/minute")}, seconds)


def requests(limiter: LocalLimiter, number: int, key: str = "shop") -> list[bool]:
    return [limiter.take(BOT, key)[1] for _ in range(number)]


def test_a_window_starts_with_its_first_request_and_ends_its_length_later(
    limiter: LocalLimiter, seconds: Seconds
) -> None:
    assert limiter.look(BOT, "shop").reset_seconds == 0
    seconds.time += MINUTE / 2
    assert requests(limiter, 3) == [True, True, False]
    seconds.time += MINUTE - 0.5
    assert limiter.look(BOT, "shop").reset_seconds == 1
    assert requests(limiter, 1) == [False]
    seconds.time += 0.5
    assert limiter.look(BOT, "shop").remaining == 2
    assert requests(limiter, 3) == [True, True, False]


def test_a_window_never_takes_longer_than_its_length(limiter: LocalLimiter, seconds: Seconds) -> None:
    for number in range(100):
        seconds.time = number / 7
        assert limiter.take(BOT, f"shop {number}")[0].reset_seconds == MINUTE


def test_keys_and_policies_are_counted_apart(limiter: LocalLimiter) -> None:
    assert requests(limiter, 3) == [True, True, False]
    assert requests(limiter, 1, "rival") == [True]
    assert limiter.take(FAILED_AUTH, "shop")[1]


def test_looking_counts_nothing(limiter: LocalLimiter) -> None:
    assert [limiter.look(BOT, "shop").remaining for _ in range(3)] == [2, 2, 2]


def test_windows_that_are_over_are_forgotten_as_others_open() -> None:
    windows = Windows(BOT, parse_rate("2/minute"))
    for number in range(1_000):
        windows.open(f"address {number}", Window(number + MINUTE, 2), number)
        assert len(windows) <= MINUTE + KEPT_SECONDS + 1
    assert windows.find("address 999", 999) is not None


def test_no_more_windows_than_the_bound_are_remembered_and_the_newest_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "MOST_WINDOWS", 10)
    windows = Windows(BOT, parse_rate("2/minute"))
    for number in range(30):
        windows.open(f"address {number}", Window(MINUTE, 2), 0)
    windows.open("address 20", Window(MINUTE, 2), 0)
    windows.open("address 30", Window(MINUTE, 2), 0)
    kept = [number for number in range(31) if windows.find(f"address {number}", 0)]
    assert kept == [20, *range(22, 31)]
