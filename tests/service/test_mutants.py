"""A test of the tests: the rules with a fault planted in them must not agree with the naive ledger any more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as effort

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


def ties_are_not_broken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Book, "in_order", lambda book: sorted(book.lots.values(), key=lambda lot: lot.expires_at))


def ties_are_broken_the_other_way(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        Book, "in_order", lambda book: sorted(book.lots.values(), key=lambda lot: (lot.expires_at, -lot.lot_id))
    )


def the_oldest_lot_is_used_first(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Book, "in_order", lambda book: sorted(book.lots.values(), key=lambda lot: lot.lot_id))


def lots_do_not_start(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("remora.ledger.settle._start", lambda *_: None)


def what_timed_out_stays_reserved(patch: pytest.MonkeyPatch) -> None:
    def time_out(book: Book, at: int) -> None:
        for hold in book.open_holds():
            if hold.expires_at == at:
                book.end_hold(hold, "timedOut")

    patch.setattr("remora.ledger.settle._time_out", time_out)


def held_points_expire(patch: pytest.MonkeyPatch) -> None:
    def expire_dead(book: Book, at: int) -> None:
        for lot in book.in_order():
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
        kept, book.holds = book.holds, {}
        true_settle(book)
        book.holds = kept
        for hold in book.open_holds():
            if hold.expires_at <= book.now:
                back = [LotChange(change.lot_id, -change.points) for change in hold.lots]
                for change in back:
                    book.change_lot(change.lot_id, held=-change.points)
                book.end_hold(hold, "timedOut")
                book.write("timeout", hold.points, back, at=hold.expires_at, refers_to=hold.hold_id)

    from remora.ledger.settle import settle as true_settle  # noqa: PLC0415 (before it is replaced)

    patch.setattr("remora.ledger.settle.settle", settle)
    patch.setattr("remora.ledger.decide.settle", settle)


def what_is_due_forgets(kind: str) -> Plant:
    """The next due moment without starts, expiries or timeouts."""

    def next_due_at(lots: Iterable[Lot], holds: Iterable[Hold], now: int) -> int:
        moments = [NEVER]
        if kind != "starts":
            moments += [lot.active_from for lot in lots if lot.free]
        if kind != "expiries":
            moments += [lot.expires_at for lot in lots if lot.free]
        if kind != "timeouts":
            moments += [hold.expires_at for hold in holds if hold.status == OPEN]
        return min(moment for moment in moments if now < moment)

    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr("remora.ledger.book.next_due_at", next_due_at)
        patch.setattr("remora.ledger.settle.next_due_at", next_due_at)

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
