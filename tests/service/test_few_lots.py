"""Orders load few of a client's lots. What comes of them is what would come of all."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from remora.errors import Refusal
from remora.ledger.commands import Capture, Command, Grant, Hold, Release, Reverse, Spend
from remora.service import needs, verify
from remora.service.desk import carry_out
from remora.service.orders import Job, Order, Who
from remora.storage import accounts, journal
from tests.cast import SECOND, START, ManualClock, Shop

EVERY_LOT = 10_000

Asked = tuple[Sequence[Command], bool, bool]
"""Commands, whether they are atomic, whether it is a dry run."""

grants = st.builds(Grant, st.integers(1, 3), st.sampled_from([None, None, None, START + 5 * SECOND]))
takings = st.builds(Spend, st.integers(1, 12)) | st.builds(Hold, st.integers(1, 5), st.sampled_from([1, 60]))
endings = st.builds(Capture, st.integers(1, 40)) | st.builds(Release, st.integers(1, 40))
commands: st.SearchStrategy[Command] = grants | takings | endings | st.builds(Reverse, st.integers(1, 40))
jobs = st.builds(
    lambda asked, atomic, dry_run: (asked, atomic, dry_run), st.lists(commands, min_size=1, max_size=6),
    st.booleans(), st.sampled_from([False, False, True]),
)  # fmt: skip
batches = st.lists(st.lists(jobs, min_size=1, max_size=3), min_size=1, max_size=8)


_numbers = itertools.count()


def client(shop: Shop) -> str:
    return shop.client(platform_client_id=f"U{next(_numbers)}")


def lines(shop: Shop, client_id: str) -> list[object]:
    """The journal but for the hashes, which cover the client's id; the stored numbers; and lots and holds, sorted, for
    they come in no order.
    """
    with shop.installation.database.read() as tx:
        entries = list(journal.oldest_first(tx, "teaShop01", client_id))
        account = accounts.load(tx, "teaShop01", [client_id])[client_id]
    told = [(each.kind, each.points, each.available, each.at, each.lots, each.refers_to) for each in entries]
    lots = sorted(account.lots, key=lambda lot: lot.turn)
    holds = sorted(account.holds, key=lambda hold: hold.hold_id)
    return [told, account.available, account.held, account.next_due_at, lots, holds]


def carried_out(shop: Shop, client_id: str, batch: Sequence[Asked]) -> list[list[object]]:
    asked = [
        Job(tuple(Order(Who(client_id), command) for command in orders), atomic, dry_run)
        for orders, atomic, dry_run in batch
    ]
    results = carry_out(shop.installation, "teaShop01", asked)
    return [
        [str(result)] if isinstance(result, Refusal) else [(each.available, each.refusal) for each in result]
        for result in results
    ]


@effort(
    max_examples=40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(first=st.integers(0, 30), script=batches, wait=st.sampled_from([0, 0, SECOND, 10 * SECOND]))
def test_few_lots_come_to_the_same_as_all(shop: Shop, first: int, script: list[list[Asked]], wait: int) -> None:
    few, every = client(shop), client(shop)
    granted: list[Asked] = [([Grant(1)] * first, False, False)]
    for batch in [granted, *script] if first else script:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(needs, "LOTS_FOR_EACH", 1)
            found = carried_out(shop, few, batch)
            patch.setattr(needs, "LOTS_FOR_EACH", EVERY_LOT)
            assert carried_out(shop, every, batch) == found
        assert lines(shop, few) == lines(shop, every)
        clock = shop.installation.clock
        assert isinstance(clock, ManualClock)
        clock.time += wait


def test_what_few_lots_led_to_is_verified(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "LOTS_FOR_EACH", 1)
    client_id = client(shop)
    carried_out(shop, client_id, [([Grant(1)] * 30, False, False)])
    carried_out(shop, client_id, [([Spend(2), Spend(20), Grant(1, START + SECOND), Spend(8), Spend(1)], False, False)])
    assert list(verify.verify(shop.installation, "teaShop01", lambda _: None)) == []


def test_a_reversal_of_what_the_same_batch_did_is_as_if_it_had_come_later(shop: Shop) -> None:
    client_id = client(shop)
    commands: list[Command] = [Grant(5), Spend(3), Reverse(2, 2), Reverse(2, 2), Reverse(2)]
    [outcomes] = carried_out(shop, client_id, [(commands, False, False)])
    one_by_one = client(shop)
    assert [[each] for each in outcomes] == [
        outcome for each in commands for outcome in carried_out(shop, one_by_one, [([each], False, False)])
    ]
    assert lines(shop, client_id) == lines(shop, one_by_one)
