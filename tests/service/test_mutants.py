"""A test of the tests: the rules with a fault planted in them must not agree with the naive ledger any more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as effort

from remora.ledger import settle as rules
from remora.ledger.book import Book
from remora.model import NEVER, OPEN, Hold, Lot, LotChange
from tests.ledger.agreement import agree
from tests.moves import scripts
from tests.oracle import Move

Plant = Callable[[pytest.MonkeyPatch], None]


def agreement() -> None:
    """The property of test_agreement.py, the same examples each time; the first fault found will do."""

    @effort(
        max_examples=500,
        deadline=None,
        derandomize=True,
        database=None,
        report_multiple_bugs=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(script=scripts())
    def agrees(script: Sequence[Move | int]) -> None:
        agree(script)

    agrees()


def reader(is_over: Callable[[Hold, int], bool]) -> Callable[[Iterable[Lot], Iterable[Hold], int], int]:
    """A reader that judges as told which holds have timed out."""

    def available_at(lots: Iterable[Lot], holds: Iterable[Hold], now: int) -> int:
        back = {lot.lot_id: 0 for lot in lots}
        for hold in holds:
            for change in hold.lots if is_over(hold, now) else ():
                back[change.lot_id] -= change.points
        return sum(lot.free + back[lot.lot_id] for lot in lots if lot.is_live(now))

    return available_at


def a_reader_times_holds_out_too_late(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("remora.ledger.balance.available_at", reader(lambda hold, now: hold.expires_at < now))


def a_reader_ignores_due_holds(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("remora.ledger.balance.available_at", reader(lambda *_: False))


def a_reader_ignores_that_points_expire(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("remora.ledger.balance.available_at", lambda lots, *_: sum(lot.free for lot in lots))


def a_lot_lives_at_its_expiry(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Lot, "is_live", lambda lot, now: lot.active_from <= now <= lot.expires_at)


def a_lot_starts_too_late(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Lot, "is_live", lambda lot, now: lot.active_from < now < lot.expires_at)


def offered(book: Book) -> list[Lot]:
    return [lot for lot in book.lots.values() if lot.free]


def ties_are_not_broken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Book, "in_order", lambda book: sorted(offered(book), key=lambda lot: lot.expires_at))


def ties_are_broken_the_other_way(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Book, "in_order", lambda book: sorted(offered(book), key=lambda lot: (lot.expires_at, -lot.lot_id)))


def the_oldest_lot_is_used_first(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Book, "in_order", lambda book: sorted(offered(book), key=lambda lot: lot.lot_id))


def lots_do_not_start(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("remora.ledger.settle._start", lambda *_: None)


def what_timed_out_stays_reserved(patch: pytest.MonkeyPatch) -> None:
    def time_out(book: Book, at: int) -> None:
        for hold in book.timing_out(at):
            book.end_hold(hold, "timedOut")

    patch.setattr("remora.ledger.settle._time_out", time_out)


def held_points_expire(patch: pytest.MonkeyPatch) -> None:
    def expire_dead(book: Book, at: int) -> None:
        for lot in sorted(book.lots.values(), key=lambda lot: lot.turn):
            if lot.expires_at <= at and lot.remaining:
                book.change_lot(lot.lot_id, remaining=-lot.remaining, held=-lot.held)
                if lot.free:
                    book.write("expire", -lot.free, [LotChange(lot.lot_id, -lot.free)], at=at)

    patch.setattr("remora.ledger.settle.expire_dead", expire_dead)


def what_a_release_returns_lives_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("remora.ledger.ending.expire_dead", lambda *_: None)


def what_a_reversal_returns_lives_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("remora.ledger.reverse.expire_dead", lambda *_: None)


def what_a_timeout_returns_lives_on(patch: pytest.MonkeyPatch) -> None:
    """Points come back only after the dead lots were looked through."""

    def settle(book: Book) -> None:
        while (due := book.next_due_at()) <= book.now:
            book.settled_until = due
            true_start(book, due)
            true_expire(book, due)
            true_time_out(book, due)
        book.settled_until = book.now

    true_start, true_time_out, true_expire = rules._start, rules._time_out, rules.expire_dead

    patch.setattr("remora.ledger.settle.settle", settle)
    patch.setattr("remora.ledger.decide.settle", settle)


def what_is_due_forgets(kind: str) -> Plant:
    """The next due moment without starts, expiries or timeouts."""

    def next_due_at(book: Book) -> int:
        moments = [NEVER]
        if kind != "starts":
            moments += [lot.active_from for lot in offered(book)]
        if kind != "expiries":
            moments += [lot.expires_at for lot in offered(book)]
        if kind != "timeouts":
            moments += [hold.expires_at for hold in book.holds.values() if hold.status == OPEN]
        return min(moment for moment in moments if book.settled_until < moment)

    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(Book, "next_due_at", next_due_at)

    plant.__name__ = f"what_is_due_forgets_{kind}"
    return plant


PLANTS: list[Plant] = [
    a_reader_times_holds_out_too_late,
    a_reader_ignores_due_holds,
    a_reader_ignores_that_points_expire,
    a_lot_lives_at_its_expiry,
    a_lot_starts_too_late,
    ties_are_not_broken,
    ties_are_broken_the_other_way,
    the_oldest_lot_is_used_first,
    lots_do_not_start,
    what_timed_out_stays_reserved,
    held_points_expire,
    what_a_release_returns_lives_on,
    what_a_reversal_returns_lives_on,
    what_a_timeout_returns_lives_on,
    *map(what_is_due_forgets, ("starts", "expiries", "timeouts")),
]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_caught(monkeypatch: pytest.MonkeyPatch, plant: Plant) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        agreement()


def test_without_a_fault_nothing_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remora.ledger.balance.available_at", reader(lambda hold, now: hold.expires_at <= now))
    agreement()
