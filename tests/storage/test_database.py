"""Transactions, on each store: what any database has to keep, so that nothing above it can tell which one it is."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from remora.errors import StoreUnavailable
from remora.model import GENESIS, Changes, Client, Platform
from remora.storage import accounts, bots, clients, operations
from remora.storage.database import Database, Transaction, UniqueViolation
from remora.storage.operations import Operation
from tests.backdoor import BackDoor
from tests.cast import Shop
from tests.storage.conftest import Open

VALUE = "installation_value"
KEEP = "installation_keep"
WAIT_SECONDS = 30


class Boom(Exception):
    pass


def keep(tx: Transaction, name: str, value: str = "1") -> None:
    tx.run(KEEP, name=name, value=value)


def test_a_block_that_raises_is_undone_whole(database: Database, shop: Shop) -> None:
    def write_and_raise() -> None:
        with database.write() as tx:
            keep(tx, "a")
            clients.add(tx, shop.bot_id, [Client("a", Platform.LINE, "U1")], 0)
            raise Boom

    with pytest.raises(Boom):
        write_and_raise()
    with database.read() as tx:
        assert tx.one(VALUE, name="a") is None
        assert clients.count(tx, shop.bot_id) == 0


def test_a_block_that_ends_well_is_seen_by_all(database: Database, open_one: Open) -> None:
    with database.write() as tx:
        assert tx.run(KEEP, name="a", value="1") == 1
        assert tx.run(KEEP, name="a", value="2") == 0
    with open_one().read() as tx:
        assert tx.one(VALUE, name="a") == ("1",)


def test_a_reader_sees_one_snapshot_while_a_writer_commits(database: Database) -> None:
    def write() -> None:
        with database.write() as tx:
            keep(tx, "a")

    with database.read() as tx:
        assert tx.one(VALUE, name="a") is None
        writer = threading.Thread(target=write)
        writer.start()
        writer.join()
        assert tx.one(VALUE, name="a") is None
        assert tx.together((VALUE, {"name": "a"})) == [[]]
    with database.read() as tx:
        assert tx.one(VALUE, name="a") == ("1",)


def test_a_taken_key_is_a_unique_violation_and_nothing_is_kept(database: Database) -> None:
    def take() -> None:
        with database.write() as tx:
            keep(tx, "a")
            tx.run("migration_record", number=1, name="x", digest="x", applied_at=0)

    with pytest.raises(UniqueViolation):
        take()
    with database.read() as tx:
        assert tx.one(VALUE, name="a") is None


@pytest.mark.parametrize("others", [0, 1, 5, 50])
def test_a_key_that_is_taken_among_many_rows_is_a_unique_violation_whatever_is_written_after_it(
    database: Database, shop: Shop, others: int
) -> None:
    def take() -> None:
        with database.write() as tx:
            clients.add(tx, shop.bot_id, [Client("a", Platform.LINE, "U1"), Client("a", Platform.LINE, "U2")], 0)
            for number in range(others):
                clients.add(tx, shop.bot_id, [Client(f"b{number}", Platform.LINE, f"V{number}")], 0)

    with pytest.raises(UniqueViolation):
        take()
    with database.read() as tx:
        assert clients.count(tx, shop.bot_id) == 0


def test_who_has_a_bots_lock_writes_alone(database: Database, open_one: Open, shop: Shop) -> None:
    """Each reads the number, and writes the next: without the lock some would write the same."""
    others = [database, open_one()]

    def count(number: int) -> None:
        for _ in range(10):
            with others[number % 2].write() as tx:
                bots.find(tx, shop.bot_id, lock=True)
                clients.note_number(tx, shop.bot_id, clients.last_number(tx, shop.bot_id) + 1)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(count, number) for number in range(4)]:
            done.result(WAIT_SECONDS)
    with database.read() as tx:
        assert clients.last_number(tx, shop.bot_id) == 40


def test_of_two_that_keep_the_same_keys_in_opposite_orders_one_keeps_them_all(open_one: Open, shop: Shop) -> None:
    both, ready = [open_one(), open_one()], threading.Barrier(2, timeout=WAIT_SECONDS)
    keys = {f"key-{number}": Operation(GENESIS, b"x" * 100) for number in range(3_000)}
    orders = [keys, dict(reversed(keys.items()))]

    def keep_all(side: int) -> bool:
        ready.wait()
        try:
            with both[side].write() as tx:
                operations.add(tx, shop.bot_id, orders[side], 0)
        except UniqueViolation:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            assert sorted(pool.map(keep_all, range(2))) == [False, True]
            with both[0].write() as tx:
                assert operations.clear(tx, shop.bot_id, before=1, most=10_000) == len(keys)


def test_two_that_lock_the_same_clients_in_opposite_orders_take_turns(open_one: Open, shop: Shop) -> None:
    both, ready = [open_one(), open_one()], threading.Barrier(2, timeout=WAIT_SECONDS)
    names = [f"c{number}" for number in range(1_000)]
    with both[0].write() as tx:
        clients.add(tx, shop.bot_id, [Client(name, Platform.LINE, name) for name in names], 0)

    def lock(side: int) -> int:
        ready.wait()
        with both[side].write() as tx:
            found = accounts.load(tx, shop.bot_id, names[:: -1 if side else 1], lock=True)
            changes = [Changes(replace(account, held=account.held + 1), ()) for account in found.values()]
            accounts.save(tx, shop.bot_id, changes)
        return len(found)

    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            assert list(pool.map(lock, range(2))) == [1_000, 1_000]
    with both[0].read() as tx:
        assert {account.held for account in accounts.load(tx, shop.bot_id, names).values()} == {6}


def test_a_second_writer_waits_its_turn(database: Database, shop: Shop) -> None:
    order = []

    def write(name: str) -> None:
        with database.write() as tx:
            bots.find(tx, shop.bot_id, lock=True)
            order.append(name)

    with database.write() as tx:
        bots.find(tx, shop.bot_id, lock=True)
        second = threading.Thread(target=write, args=("second",))
        second.start()
        keep(tx, "a")
        order.append("first")
    second.join()
    assert order == ["first", "second"]


def test_a_writer_waits_for_another_for_a_bounded_time_and_does_nothing(
    open_one: Open, back_door: BackDoor, shop: Shop
) -> None:
    database = open_one(database_timeout_seconds=1)

    def write() -> None:
        with database.write() as tx:
            keep(tx, "a")
            bots.find(tx, shop.bot_id, lock=True)

    with back_door.busy(), pytest.raises(StoreUnavailable):
        write()
    assert back_door.rows("SELECT value FROM installation WHERE name = 'a'") == []
    write()


def test_a_reader_waits_for_no_writer(open_one: Open, back_door: BackDoor, shop: Shop) -> None:
    client_id = shop.client(5)
    with back_door.busy(), open_one(database_timeout_seconds=1).read() as tx:
        assert accounts.load(tx, shop.bot_id, [client_id])[client_id].available == 5


def test_threads_each_have_a_transaction_of_their_own(database: Database) -> None:
    started, seen = threading.Barrier(4, timeout=WAIT_SECONDS), []

    def write_and_raise(number: int) -> None:
        started.wait()
        with database.write() as tx:
            keep(tx, f"thread-{number}")
            if number % 2:
                raise Boom

    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(write_and_raise, number) for number in range(4)]
    with database.read() as tx:
        seen = [tx.one(VALUE, name=f"thread-{number}") for number in range(4)]
    assert [isinstance(each.exception(), Boom) for each in done] == [False, True, False, True]
    assert seen == [("1",), None, ("1",), None]
