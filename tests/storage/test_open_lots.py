"""A client's open lots: those up to 64 are found by the primary key, later ones by an index of their own."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from remora.model import NEVER, Lot
from remora.service.installation import Installation, migrate, open_installation
from remora.settings import Settings
from remora.storage import accounts
from remora.storage.database import Row
from remora.storage.named import statements
from tests.backdoor import BackDoor
from tests.cast import ManualClock, Shop
from tests.stores import Store

NUMBERS = itertools.count()

numbers = st.sampled_from([1, 2, 63, 64, 65, 66, 200]) | st.integers(1, 140)
lots = st.dictionaries(numbers, st.tuples(st.sampled_from([0, 1, 3]), st.sampled_from([10, 20, NEVER])), max_size=40)


def rows(client_id: str, made: dict[int, tuple[int, int]]) -> list[Row]:
    return [(client_id, number, 3, left, 0, 0, until) for number, (left, until) in made.items()]


def in_turn(found: Sequence[Lot]) -> list[tuple[int, int, int]]:
    return sorted((each.expires_at, each.lot_id, each.remaining) for each in found)


@effort(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(made=lots, others=lots, most=st.integers(1, 20))
def test_open_lots_are_those_with_points_left_and_the_first_of_them_the_next_to_be_used(
    installation: Installation,
    shop: Shop,
    made: dict[int, tuple[int, int]],
    others: dict[int, tuple[int, int]],
    most: int,
) -> None:
    one, other = f"one{next(NUMBERS)}", f"other{next(NUMBERS)}"
    with installation.database.write() as tx:
        tx.run_many("lot_add", shop.bot_id, accounts.LOT, [*rows(one, made), *rows(other, others)])
        every = accounts.open_lots(tx, shop.bot_id, [one, other])
        values = {"bot_id": shop.bot_id, "ids": f'["{one}", "{other}"]', "most": most}
        first = [(row[0], row[6], row[1], row[3]) for row in tx.all("lots_first", **values)]
    for client_id, given_ in ((one, made), (other, others)):
        want = sorted((until, number, left) for number, (left, until) in given_.items() if left)
        assert in_turn(every.get(client_id, [])) == want
        assert sorted(row[1:] for row in first if row[0] == client_id) == want[:most]


@pytest.mark.parametrize("name", ["lots_open", "lots_first"])
def test_they_are_looked_for_by_client_though_many_were_used_up(
    name: str, installation: Installation, shop: Shop, store: Store, back_door: BackDoor
) -> None:
    """Of late lots only those are read that have points left; and the table was not analyzed since it grew."""
    with installation.database.write() as tx:
        used_up = [("client00007", number, 3, 0, 0, 0, NEVER) for number in range(1, 5_000)]
        tx.run_many("lot_add", shop.bot_id, accounts.LOT, used_up)
        tx.run_many("lot_add", shop.bot_id, accounts.LOT, [(f"c{n}", 1, 3, 3, 0, 0, NEVER) for n in range(5_000)])
    values = {"bot_id": shop.bot_id, "ids": '["client00007"]', "most": 3}
    text = re.sub(r":([a-z_]+)", lambda found: f"'{values[found[1]]}'", statements(store.dialect)[name].text)
    if store.dialect == "sqlite":
        plan = [step for *_, step in back_door.rows(f"EXPLAIN QUERY PLAN {text}")]
        looks = [step for step in plan if re.match(r"(SCAN|SEARCH) (lots|early|late)", step)]
        assert all("client_id=?" in look for look in looks), plan
    else:
        plan = [row[0] for row in back_door.rows(f"EXPLAIN {text}")]
        assert not any("Seq Scan" in step for step in plan), plan
    assert sum("lots_open" in step for step in plan) == 1, plan
    early = [step for step in plan if "lot_id<" in step or "lot_id <= 64" in step]
    assert len(early) == 1, plan
    assert re.match(r"SEARCH|\s+Index Cond:", early[0]), plan  # not read and then left out


@pytest.mark.usefixtures("shop")
def test_migrating_makes_the_index_anew(
    clock: ManualClock, settings: Settings, store: Store, back_door: BackDoor
) -> None:
    back_door.run("DROP INDEX lots_open")
    back_door.run("CREATE INDEX lots_open ON lots (bot_id, client_id, expires_at, lot_id) WHERE remaining > 0")
    back_door.run("DELETE FROM schema_migrations WHERE number = 8")
    assert migrate(settings, clock) == ["0008_open_lots"]
    open_installation(settings, clock).close()
    kept = {
        "sqlite": "SELECT sql FROM sqlite_schema WHERE name = 'lots_open'",
        "postgresql": "SELECT indexdef FROM pg_indexes WHERE indexname = 'lots_open'",
    }[store.dialect]
    assert "lot_id > 64" in back_door.rows(kept)[0][0]
