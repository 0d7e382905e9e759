"""Moving an installation from one store to the other, in one go or in pieces, while the source goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from remora.errors import MoveUnfinished, TargetInUse
from remora.ledger.commands import Grant, Spend
from remora.model import Platform
from remora.service import bots, clients, digest, move, pairs, points, tidy
from remora.service.installation import Installation, open_installation, open_target
from remora.settings import PostgresUrl, Secret, Settings, SqliteUrl
from remora.storage import installation as values
from remora.storage import rows
from remora.storage.database import Database
from tests.backdoor import BackDoor
from tests.cast import DAY, SECOND, START, ManualClock, Shop
from tests.importing import rows as rows_of
from tests.importing import run, undo
from tests.servers.databases import Databases
from tests.wallet import Wallet, eventful


@pytest.fixture
def elsewhere(settings: Settings, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Settings]:
    """The other store, without a database yet on SQLite, with an empty one on PostgreSQL."""
    if isinstance(settings.database, PostgresUrl):
        yield replace(settings, database=SqliteUrl(tmp_path / "moved" / "remora.db"))
        return
    databases: Databases = request.getfixturevalue("postgres")
    yield replace(settings, database=PostgresUrl(Secret(databases.create("moved"))))
    databases.drop("moved")


@pytest.fixture
def target(elsewhere: Settings, clock: ManualClock) -> Iterator[Database]:
    opened = open_target(elsewhere, clock)
    yield opened
    opened.close()


@pytest.fixture
def wallet(shop: Shop, clock: ManualClock) -> Wallet:
    """A wallet with something of every kind."""
    return eventful(shop, clock)


IMPORTED = rows_of("line,imported,,5,,,")


def ignore(_: int) -> None:
    pass


def moved(installation: Installation, target: Database) -> dict[str, str]:
    move.copy(installation, target, ignore)
    return move.finish(installation, target, ignore)


def test_everything_is_moved_and_goes_on_at_the_other_store(
    installation: Installation,
    target: Database,
    elsewhere: Settings,
    wallet: Wallet,
    rival: Shop,
    clock: ManualClock,
) -> None:
    shop, client_id = wallet.shop, wallet.client_id
    rival.client(7)
    first = wallet.do(Grant(5), "order-1")
    before = wallet.explain(), wallet.journal(), wallet.available
    run(shop, IMPORTED)
    digests = moved(installation, target)
    assert digests.keys() == {shop.bot_id, rival.bot_id}
    there = open_installation(elsewhere, clock)
    same = Wallet(Shop(there, shop.bot_id, shop.token, shop.secret), client_id)
    assert (same.explain(), same.journal(), same.available) == before
    assert same.do(Grant(5), "order-1") == first, "a key that was used is known there"
    assert bots.every(there) == bots.every(installation)
    there_shop = Shop(there, shop.bot_id, shop.token, shop.secret)
    assert [each.verdict for each in run(there_shop, IMPORTED)] == ["unchanged"], "an import is known there"
    # New ids go on where the source's were.
    platform = Platform.FACEBOOK
    [theirs] = clients.register(there, shop.bot_id, platform, ["new"])
    [ours] = clients.register(installation, shop.bot_id, platform, ["new"])
    assert theirs == ours
    clock.time += 100 * SECOND
    wallet.do(Spend(1))
    same.do(Spend(1))
    assert same.journal() == wallet.journal()
    there.close()


def test_a_copy_in_pieces_follows_a_source_that_goes_on(
    installation: Installation, target: Database, wallet: Wallet, clock: ManualClock
) -> None:
    shop = wallet.shop
    wallet.do(Grant(3), "old")
    run(shop, IMPORTED)
    move.copy(installation, target, ignore)
    clock.time += 31 * DAY
    wallet.do(Spend(1), "new")
    shop.client(9, platform_client_id="later")
    pairs.rotate(installation, shop.bot_id, overlap_minutes=10)
    bots.update(installation, shop.bot_id, name="Another name")
    tidy.tidy(installation, shop.bot_id, ignore)  # forgets the old key
    undo(shop, IMPORTED)
    with pytest.raises(MoveUnfinished, match="has changed meanwhile"):
        move.finish(installation, target, ignore)
    assert moved(installation, target).keys() == {shop.bot_id}


@pytest.mark.usefixtures("wallet")
def test_a_copy_that_is_not_whole_cannot_be_opened(
    installation: Installation, target: Database, elsewhere: Settings, clock: ManualClock
) -> None:
    move.copy(installation, target, ignore)
    with pytest.raises(MoveUnfinished, match="not whole yet"):
        open_installation(elsewhere, clock)
    move.finish(installation, target, ignore)
    open_installation(elsewhere, clock).close()


class Stopped(Exception):
    pass


def stopping_after(count: int) -> Callable[[int], None]:
    """Stands for whatever ends the process: nothing after it is done."""
    left = count

    def done(_: int) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise Stopped

    return done


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5])
def test_a_copy_that_was_stopped_goes_on(
    installation: Installation, target: Database, shop: Shop, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    monkeypatch.setattr(move, "PAGE", 2)
    monkeypatch.setattr(rows, "GROUP_ENTRIES", 3)
    for number in range(5):
        wallet = Wallet(shop, shop.client(10, 20, platform_client_id=f"U{number}"))
        for nth in range(number):
            wallet.do(Spend(2), f"order-{number}-{nth}")
    with pytest.raises(Stopped):
        move.copy(installation, target, stopping_after(steps))
    assert moved(installation, target).keys() == {shop.bot_id}


def test_a_database_of_somebody_else_is_refused(
    installation: Installation, elsewhere: Settings, clock: ManualClock
) -> None:
    target = open_target(elsewhere, clock)
    other = open_installation(elsewhere, clock)
    bots.create(other, "Other", "other")
    with pytest.raises(TargetInUse, match="another installation"):
        move.copy(installation, target, ignore)
    assert [bot.bot_id for bot in bots.every(other)] == ["other"]
    other.close()
    target.close()


def test_a_copy_that_has_gone_its_own_way_is_refused(
    installation: Installation, target: Database, elsewhere: Settings, wallet: Wallet, clock: ManualClock
) -> None:
    moved(installation, target)
    there = open_installation(elsewhere, clock)
    points.order(there, wallet.shop.bot_id, wallet.client_id, Grant(1))
    wallet.do(Grant(2))
    with pytest.raises(TargetInUse, match="was used since"):
        move.copy(installation, target, ignore)
    there.close()
    open_installation(elsewhere, clock).close()


def test_a_copy_that_was_whole_may_be_brought_up_as_long_as_nobody_used_it(
    installation: Installation, target: Database, wallet: Wallet
) -> None:
    moved(installation, target)
    wallet.do(Grant(2))
    assert moved(installation, target) == {wallet.shop.bot_id: digest.digest(target, wallet.shop.bot_id)}


def test_a_partial_copy_with_another_journal_is_refused(
    installation: Installation, target: Database, elsewhere: Settings, wallet: Wallet, clock: ManualClock
) -> None:
    moved(installation, target)
    there = open_installation(elsewhere, clock)
    points.order(there, wallet.shop.bot_id, wallet.client_id, Grant(1))
    there.close()
    with target.write() as tx:
        values.forget(tx, move.MOVED)
    wallet.do(Grant(2))
    with pytest.raises(TargetInUse, match="another journal"):
        move.copy(installation, target, ignore)


def test_a_fault_in_the_source_is_told_and_the_copy_stays_closed(
    installation: Installation, target: Database, elsewhere: Settings, wallet: Wallet, clock: ManualClock
) -> None:
    with installation.database.write() as tx:
        rows.save_lots(tx, wallet.shop.bot_id, [(wallet.client_id, 99, 1, 1, 0, START, START + DAY)])
    move.copy(installation, target, ignore)
    with pytest.raises(MoveUnfinished, match="source does not verify"):
        move.finish(installation, target, ignore)
    with pytest.raises(MoveUnfinished):
        open_installation(elsewhere, clock)


def test_a_digest_tells_any_difference(installation: Installation, wallet: Wallet, back_door: BackDoor) -> None:
    def now() -> str:
        return digest.digest(installation.database, wallet.shop.bot_id)

    before = now()
    assert now() == before
    wallet.do(Grant(1), "order-1")
    assert now() != before
    run(wallet.shop, IMPORTED)
    for change in ("imports SET lacking = 1", "import_rows SET lacking = 1"):
        before = now()
        assert back_door.run(f"UPDATE {change}") == 1
        assert now() != before
