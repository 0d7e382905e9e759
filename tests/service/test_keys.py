"""What a key keeps: which entry it made, or a refusal. Whoever comes with it again gets the first outcome, whole."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from msgspec.structs import replace

from remora.errors import BatchRefused, KeyReused
from remora.ledger.commands import Capture, Command, Grant, Hold, OnShortfall, Release, Reverse, Spend
from remora.model import Platform
from remora.service.desk import carry_out
from remora.service.orders import Job, Order, Outcome, Who
from remora.storage import operations, rows
from remora.storage.operations import Operation
from tests.backdoor import BackDoor
from tests.cast import DAY, SECOND, START, ManualClock, Shop
from tests.wallet import Wallet

SEQS = st.integers(1, 12)
PARTS = st.none() | st.integers(1, 8)
METADATA = st.none() | st.dictionaries(
    st.text(st.characters(codec="utf-8"), max_size=3),
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False),
    max_size=3,
)
commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(
        Grant,
        st.integers(0, 9),
        st.sampled_from([None, START + 3 * SECOND]),
        st.sampled_from([None, None, START + SECOND]),
        st.none() | st.just("tea"),
        METADATA,
    ),
    st.builds(Spend, st.integers(1, 12), reason=st.none() | st.just("茶"), metadata=METADATA),
    st.builds(Hold, st.integers(1, 5), st.sampled_from([1, 60])),
    st.builds(Capture, SEQS, PARTS) | st.builds(Release, SEQS),
    st.builds(Reverse, SEQS, PARTS, st.sampled_from(OnShortfall)),
)
waits = st.sampled_from([0, 1, 2 * SECOND])
scripts = st.lists(st.tuples(st.lists(commands, min_size=1, max_size=5), waits), max_size=5)

_numbers = itertools.count()


def carried_out(shop: Shop, *orders: Order, atomic: bool = False, dry_run: bool = False) -> list[Outcome]:
    [outcomes] = carry_out(shop.installation, shop.bot_id, [Job(orders, atomic=atomic, dry_run=dry_run)])
    assert isinstance(outcomes, list), outcomes
    return outcomes


def again(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return [replace(outcome, replayed=True) for outcome in outcomes]


def keep_as_before_0007(shop: Shop, orders: Sequence[Order], outcomes: Sequence[Outcome]) -> None:
    """Keep the whole outcome of each order, as it was done by older versions."""
    kept = {
        order.key: Operation(order.request_hash, msgspec.json.encode(outcome))
        for order, outcome in zip(orders, outcomes, strict=True)
        if order.key is not None
    }
    with shop.installation.database.write() as tx:
        rows.drop_operations(tx, shop.bot_id, kept)
        operations.add(tx, shop.bot_id, kept, START)


@effort(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(script=scripts)
def test_whatever_came_of_a_key_comes_of_it_again(
    shop: Shop, clock: ManualClock, script: list[tuple[list[Command], int]]
) -> None:
    clock.time = START
    client_id = shop.client(5, platform_client_id=f"U{next(_numbers)}")
    orders: list[Order] = []
    outcomes: list[Outcome] = []
    begun: list[Command] = [Grant(9), Spend(1)]
    for together, wait in [(begun, 0), *script]:
        asked = [Order(Who(client_id), each, f"{client_id}-{len(orders) + n}") for n, each in enumerate(together)]
        outcomes += carried_out(shop, *asked)
        orders += asked
        clock.time += wait
    clock.time += DAY
    fresh = Order(Who(client_id), Grant(1))
    assert carried_out(shop, fresh, *orders, fresh)[1:-1] == again(outcomes)
    keep_as_before_0007(shop, orders[::2], outcomes[::2])
    assert carried_out(shop, *orders) == again(outcomes), "some are of the old form"
    keep_as_before_0007(shop, orders, outcomes)
    assert carried_out(shop, *orders) == again(outcomes)


def test_a_key_keeps_which_entry_it_made_and_a_refusal_whole(shop: Shop, back_door: BackDoor) -> None:
    client_id = shop.client(100)
    carried_out(
        shop,
        Order(Who(client_id), Spend(30), "spend"),
        Order(Who(client_id), Reverse(1, 80, OnShortfall.TAKE_AVAILABLE), "take"),
        Order(Who(client_id), Spend(1), "refused"),
    )
    kept = {key: bytes(answer) for key, answer in back_door.rows("SELECT key, answer FROM operations")}
    assert kept["spend"] == f'["{client_id}",2,70,0]'.encode()
    assert kept["take"] == f'["{client_id}",3,0,10]'.encode()
    assert kept["refused"] == b'{"refusal":{"code":900006,"message":"the client has 0 points","available":0}}'


def test_an_outcome_stays_the_first_after_all_that_comes_later(shop: Shop, clock: ManualClock) -> None:
    wallet = Wallet(shop, shop.client())
    asked = [
        Order(Who(wallet.client_id), Grant(10, START + DAY, metadata={"a": [1, 2.5]}), "grant"),
        Order(Who(wallet.client_id), Spend(4), "spend"),
        Order(Who(wallet.client_id), Hold(3, 60), "hold"),
        Order(Who(wallet.client_id), Capture(3, 1), "capture"),
    ]
    first = carried_out(shop, *asked)
    wallet.do(Reverse(2))
    wallet.do(Spend(8))
    clock.time += 2 * DAY
    wallet.tidy()
    wallet.do(Grant(1))
    assert carried_out(shop, *asked) == again(first)
    assert [outcome.available for outcome in first] == [10, 6, 3, 5], "a capture of a part releases the rest"


def test_a_key_that_comes_twice_in_one_transaction_is_answered_with_the_same(shop: Shop) -> None:
    client_id = shop.client(10)
    spend, other = Order(Who(client_id), Spend(4), "k"), Order(Who(client_id), Spend(5), "k")
    [first, second, third] = carried_out(shop, spend, spend, other)
    assert second == replace(first, replayed=True)
    assert third.refusal is not None
    assert third.refusal.code == KeyReused.code
    assert carried_out(shop, spend) == [second]
    assert Wallet(shop, client_id).available == 6


def test_a_client_that_a_key_has_made_is_in_its_outcome(shop: Shop) -> None:
    order = Order(Who(platform=Platform.LINE, platform_client_id="new", create=True), Grant(5), "k")
    first = carried_out(shop, order)
    assert first[0].client_id is not None
    assert carried_out(shop, order) == again(first)


@pytest.mark.parametrize("replays", [False, True])
def test_a_dry_run_and_a_refused_atomic_job_keep_no_key(
    shop: Shop,
    back_door: BackDoor,
    replays: bool,  # noqa: FBT001
) -> None:
    client_id = shop.client(10)
    known, new = Order(Who(client_id), Spend(1), "known"), Order(Who(client_id), Spend(2), "new")
    before = carried_out(shop, known) if replays else []
    asked = [known, new] if replays else [new]
    tried = carried_out(shop, *asked, dry_run=True)
    assert tried[:-1] == again(before)
    too_much = Order(Who(client_id), Spend(100), "too much")
    [refused] = carry_out(shop.installation, shop.bot_id, [Job((*asked, too_much), atomic=True)])
    assert isinstance(refused, BatchRefused)
    assert back_door.rows("SELECT key FROM operations") == ([("known",)] if replays else [])
    assert carried_out(shop, *asked, atomic=True) == tried
