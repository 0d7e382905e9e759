"""Which lots an entry touched: what the ledger wrote is read back, however it is asked for. A grant's is its lot."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from remora.ledger.commands import Capture, Command, Grant, Hold, OnShortfall, Release, Reverse, Spend
from remora.model import KINDS, NEVER, Entry, Lot
from remora.service import move, verify
from remora.service.desk import carry_out
from remora.service.installation import Installation, migrate, open_installation, open_target
from remora.service.orders import Job, Order, Who
from remora.settings import DatabaseUrl, Settings
from remora.storage import accounts, journal, reports, rows
from remora.storage.named import statements
from remora.storage.reports import QUARTER
from tests.backdoor import BackDoor
from tests.cast import SECOND, START, ManualClock, Shop
from tests.stores import Store, back_door_of, settings_of
from tests.wallet import Wallet, eventful

NOTED_TWICE = """INSERT INTO entry_lots (bot_id, client_id, seq, lot_id, points)
                 SELECT bot_id, client_id, lot_id, lot_id, points FROM lots"""
"""What was written before 0007."""

OF_GRANTS = "SELECT count(*) FROM entry_lots WHERE lot_id = seq"

SEQS = st.integers(1, 12)
PARTS = st.none() | st.integers(1, 8)
grants = st.builds(
    Grant,
    st.integers(1, 9),
    st.sampled_from([None, None, START + 3 * SECOND, START + 9 * SECOND]),
    st.sampled_from([None, None, START + SECOND]),
)
commands: st.SearchStrategy[Command] = st.one_of(
    grants,
    st.builds(Spend, st.integers(1, 12)),
    st.builds(Hold, st.integers(1, 5), st.sampled_from([1, 60])),
    st.builds(Capture, SEQS, PARTS) | st.builds(Release, SEQS),
    st.builds(Reverse, SEQS, PARTS, st.sampled_from(OnShortfall)),
)
scripts = st.lists(
    st.tuples(st.lists(commands, min_size=1, max_size=4), st.sampled_from([0, 1, SECOND, 4 * SECOND])), max_size=8
)

_numbers = itertools.count()


def carried_out(shop: Shop, client_id: str, script: Iterable[tuple[Sequence[Command], int]]) -> list[Entry]:
    """The entries as the ledger made them, of orders that came together, each time before a wait."""
    made: list[Entry] = []
    for together, wait in script:
        orders = tuple(Order(Who(client_id), command) for command in together)
        carry_out(shop.installation, shop.bot_id, [Job(orders)], lambda _, entries: made.extend(entries))
        clock = shop.installation.clock
        assert isinstance(clock, ManualClock)
        clock.time += wait
    return made


def readings(shop: Shop, client_id: str) -> dict[str, list[Entry]]:
    """A client's journal, read in every way that there is."""
    bot_id = shop.bot_id
    with shop.installation.database.read() as tx:
        found = list(journal.oldest_first(tx, bot_id, client_id))
        newest = journal.newest(tx, bot_id, client_id, before=NEVER, kinds=KINDS, since=0, until=NEVER, most=1_000)
        alone = [row for row in rows.clients(tx, bot_id, "", 1_000) if row.client_id == client_id]
        named = accounts.reversibles(tx, bot_id, [(client_id, entry.seq) for entry in found])
        return {
            "oldest first": found,
            "newest first": newest[::-1],
            "with others": list(journal.of_group(tx, bot_id, alone)[client_id]),
            "by name": sorted((each.entry for each in named.values()), key=lambda entry: entry.seq),
        }


def lots(shop: Shop, client_id: str) -> list[Lot]:
    with shop.installation.database.read() as tx:
        return sorted(journal.lots(tx, shop.bot_id, client_id, 1_000), key=lambda lot: lot.lot_id)


def lots_touched_by(shop: Shop, client_id: str, seq: int) -> list[int]:
    """The lots that are loaded for the sake of one entry, and not because they are open."""
    with shop.installation.database.read() as tx:
        found = tx.all("lots_named", bot_id=shop.bot_id, pairs=json.dumps([[client_id, seq]]))
    return sorted(lot_id for _, lot_id, *_ in found)


def moved(shop: Shop) -> Counter[tuple[int, str, bool]]:
    with shop.installation.database.read() as tx:
        found = reports.moved(tx, shop.bot_id, 0, NEVER)
    counted = {(quarter, kind, came): points for quarter, kind, came, points in found}
    assert len(counted) == len(found)
    return Counter(counted)


def said(entries: Iterable[Entry]) -> Counter[tuple[int, str, bool]]:
    """What a report has to say of entries."""
    counted: Counter[tuple[int, str, bool]] = Counter()
    for entry in entries:
        for change in entry.lots:
            if entry.kind in ("grant", "spend", "capture", "expire", "reverse"):
                counted[entry.at // QUARTER, entry.kind, change.points > 0] += change.points
    return counted


def problems(installation: Installation, shop: Shop) -> list[str]:
    return list(verify.verify(installation, shop.bot_id, lambda _: None))


@effort(
    max_examples=30,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(first=st.lists(grants, min_size=1, max_size=4), script=scripts)
def test_what_the_ledger_wrote_is_read_back_in_every_way(
    shop: Shop,
    clock: ManualClock,
    back_door: BackDoor,
    first: list[Command],
    script: list[tuple[list[Command], int]],
) -> None:
    client_id = shop.client(platform_client_id=f"U{next(_numbers)}")
    clock.time = START
    before = moved(shop)
    made = carried_out(shop, client_id, [(first, 0), *script])
    for way, found in readings(shop, client_id).items():
        assert found == made, way
    for entry in made:
        assert lots_touched_by(shop, client_id, entry.seq) == [change.lot_id for change in entry.lots]
    after = moved(shop)
    after.subtract(before)
    assert after == said(made)
    assert back_door.rows(OF_GRANTS) == [(0,)]


def test_what_an_older_version_has_noted_twice_counts_once(
    shop: Shop, clock: ManualClock, back_door: BackDoor, empty: DatabaseUrl
) -> None:
    wallet = eventful(shop, clock)
    before = readings(shop, wallet.client_id), lots(shop, wallet.client_id), moved(shop), wallet.explain()
    assert back_door.run(NOTED_TWICE) == 3
    after = readings(shop, wallet.client_id), lots(shop, wallet.client_id), moved(shop), wallet.explain()
    assert after == before
    assert lots_touched_by(shop, wallet.client_id, 1) == [1]
    assert problems(shop.installation, shop) == []
    assert wallet.do(Reverse(2, 1)).entry.points == -1, "a grant can be reversed"
    target = open_target(settings_of(empty), clock)
    move.copy(shop.installation, target, lambda _: None)
    move.finish(shop.installation, target, lambda _: None)
    target.close()
    assert back_door_of(empty).rows(OF_GRANTS) == [(0,)]


def test_migrating_takes_away_what_was_noted_twice_and_nothing_else(
    shop: Shop, clock: ManualClock, settings: Settings, back_door: BackDoor
) -> None:
    wallet = eventful(shop, clock)
    before, touched = readings(shop, wallet.client_id), back_door.rows("SELECT * FROM entry_lots ORDER BY seq, lot_id")
    back_door.run(NOTED_TWICE)
    back_door.run("DELETE FROM schema_migrations WHERE number = 7")
    assert migrate(settings, clock) == ["0007_lots_of_grants"]
    assert back_door.rows("SELECT * FROM entry_lots ORDER BY seq, lot_id") == touched
    again = open_installation(settings, clock)
    aged = Wallet(Shop(again, shop.bot_id, shop.token, shop.secret), wallet.client_id)
    assert readings(aged.shop, wallet.client_id) == before
    assert problems(again, shop) == []
    aged.do(Reverse(2, 1))
    aged.do(Grant(5))
    assert problems(again, shop) == []
    again.close()


def test_migrating_keeps_what_does_not_agree_with_the_lot_and_it_is_told(
    shop: Shop, clock: ManualClock, settings: Settings, back_door: BackDoor
) -> None:
    wallet = eventful(shop, clock)
    back_door.run(NOTED_TWICE)
    back_door.run(f"UPDATE lots SET points = points + 1 WHERE client_id = '{wallet.client_id}' AND lot_id = 2")
    back_door.run("DELETE FROM schema_migrations WHERE number = 7")
    migrate(settings, clock)
    assert back_door.rows("SELECT lot_id, points FROM entry_lots WHERE lot_id = seq") == [(2, 20)]
    found = problems(shop.installation, shop)
    assert any("1 rows of entry_lots belong to nothing" in each for each in found)
    assert any("entry 2: its hash" in each for each in found)


ASKED: dict[str, dict[str, object]] = {
    "entry_lots_named": {"pairs": json.dumps([[f"client{n:05}", n % 2 + 1] for n in range(64)])},
    "lots_named": {"pairs": json.dumps([[f"client{n:05}", n % 2 + 1] for n in range(64)])},
    "entry_lots_spanned": {"spans": json.dumps([[f"client{n:05}", -NEVER, NEVER] for n in range(64)])},
    "entry_lots_between": {"client_id": "client00007", "first": 1, "last": 1_000},
}


@pytest.mark.parametrize("name", ASKED)
def test_each_table_is_looked_into_for_each_that_is_asked_for(
    name: str, installation: Installation, shop: Shop, store: Store, back_door: BackDoor
) -> None:
    """Though it was not analyzed since it grew."""
    with installation.database.write() as tx:
        client_ids = [f"client{n:05}" for n in range(5_000)]
        tx.run_many("lot_add", shop.bot_id, accounts.LOT, [(each, 1, 5, 4, 0, 0, NEVER) for each in client_ids])
        tx.run_many("entry_lot_add", shop.bot_id, accounts.ENTRY_LOT, [(each, 2, 1, -1) for each in client_ids])
    values = {"bot_id": shop.bot_id, **ASKED[name]}
    text = statements(store.dialect)[name].text
    query = re.sub(r":([a-z_]+)", lambda found: f"'{values[found[1]]}'", text)
    if store.dialect == "sqlite":
        plan = [step for *_, step in back_door.rows(f"EXPLAIN QUERY PLAN {query}")]
        looks = [step for step in plan if re.match(r"(SCAN|SEARCH) (lots|entry_lots)", step)]
        assert all("client_id=?" in look and re.search(r"(seq|lot_id)[=>]", look) for look in looks), plan
    else:
        plan = [row[0] for row in back_door.rows(f"EXPLAIN {query}")]
        assert not any(re.search("Seq Scan|Bitmap|Hash|Merge", step) for step in plan), plan
        looks = [step for step in plan if "Index Cond" in step]
        assert all("client_id = " in look and re.search(r"(seq|lot_id) (=|>=) ", look) for look in looks), plan
    assert len(looks) == (3 if name == "lots_named" else 2), plan
