"""Who did it: an entry that a person asked for has the operator's name, and its hash covers that."""

from __future__ import annotations

import hashlib
import json

import msgspec
import pytest

from remora.errors import SchemaOutOfDate
from remora.ledger.chain import chain_hash
from remora.ledger.commands import Command, Grant, Hold, Release, Reverse, Spend
from remora.model import GENESIS, Entry, LotChange
from remora.service import move, verify
from remora.service.desk import carry_out
from remora.service.export import export
from remora.service.installation import Installation, migrate, open_installation, open_target
from remora.service.orders import Job, Order, Who
from remora.settings import DatabaseUrl, Settings
from tests.backdoor import BackDoor
from tests.cast import START, ManualClock, Shop
from tests.stores import settings_of
from tests.wallet import Wallet, eventful

OF_0001 = {
    *("schema_migrations", "installation", "bots", "credentials", "clients", "lots", "holds", "entries"),
    *("entry_lots", "operations"),
}


@pytest.fixture
def wallet(shop: Shop) -> Wallet:
    return Wallet(shop, shop.client())


def order(wallet: Wallet, operator: str | None, *commands: Command, key: str | None = None) -> None:
    orders = tuple(Order(Who(wallet.client_id), command, key, operator=operator) for command in commands)
    [outcomes] = carry_out(wallet.shop.installation, wallet.shop.bot_id, [Job(orders)])
    assert isinstance(outcomes, list)
    for outcome in outcomes:
        outcome.done()


def who(wallet: Wallet) -> list[tuple[str, str | None]]:
    return [(entry.kind, entry.operator) for entry in wallet.journal()]


def problems(installation: Installation, shop: Shop) -> list[str]:
    return list(verify.verify(installation, shop.bot_id, lambda _: None))


def test_what_a_person_asks_for_has_their_name_and_what_comes_by_itself_has_none(
    wallet: Wallet, clock: ManualClock
) -> None:
    order(wallet, "mei", Grant(10, START + 5), Spend(3), Hold(1), Release(3))
    order(wallet, None, Hold(2, 1))
    clock.time = START + 5
    order(wallet, "an", Grant(1), Reverse(2))
    assert who(wallet) == [
        *(("grant", "mei"), ("spend", "mei"), ("hold", "mei"), ("release", "mei"), ("hold", None)),
        *(("expire", None), ("grant", "an"), ("reverse", "an"), ("expire", None)),
    ]
    assert problems(wallet.shop.installation, wallet.shop) == []


def test_another_name_is_noticed_and_so_is_none(wallet: Wallet, back_door: BackDoor) -> None:
    order(wallet, "mei", Grant(10))
    for forged in ("'an'", "NULL"):
        assert back_door.run(f"UPDATE entries SET operator = {forged}") == 1
        assert problems(wallet.shop.installation, wallet.shop)


def test_the_key_is_the_same_whoever_asks(wallet: Wallet) -> None:
    order(wallet, "mei", Grant(10), key="form-1")
    order(wallet, "an", Grant(10), key="form-1")
    assert who(wallet) == [("grant", "mei")]


def test_without_a_name_the_hash_is_what_it_was_before_there_were_names() -> None:
    entry = Entry(1, "grant", 5, 5, 7, 8, (LotChange(1, 5),), "tea", {"a": 1}, None, 7, 9)
    old = ["bot", "client", 1, "grant", 5, 5, 7, 8, [[1, 5]], "tea", {"a": 1}, None, 7, 9]
    text = json.dumps(old, separators=(",", ":")).encode()
    assert chain_hash(GENESIS, "bot", "client", entry) == hashlib.sha256(GENESIS + text).digest()
    named = msgspec.structs.replace(entry, operator="mei")
    text = json.dumps([*old, "mei"], separators=(",", ":")).encode()
    assert chain_hash(GENESIS, "bot", "client", named) == hashlib.sha256(GENESIS + text).digest()


def test_names_are_exported_and_moved(wallet: Wallet, empty: DatabaseUrl, clock: ManualClock) -> None:
    order(wallet, "mei", Grant(10))
    shop = wallet.shop
    lines = list(export(shop.installation, shop.bot_id))
    assert [json.loads(line)["operator"] for line in lines] == ["mei"]
    assert list(verify.verify_lines(lines)) == []
    target = open_target(settings_of(empty), clock)
    move.copy(shop.installation, target, lambda _: None)
    move.finish(shop.installation, target, lambda _: None)
    target.close()
    moved = open_installation(settings_of(empty), clock)
    assert list(export(moved, shop.bot_id)) == lines
    moved.close()


def test_a_ledger_from_before_there_were_names_goes_on_and_verifies(
    shop: Shop, clock: ManualClock, settings: Settings, back_door: BackDoor
) -> None:
    wallet = eventful(shop, clock)
    before = wallet.journal()
    back_door.run("ALTER TABLE entries DROP COLUMN operator")
    back_door.run("DROP INDEX entries_recorded")
    for (table,) in back_door.rows(back_door.tables):
        if table not in OF_0001:
            back_door.run(f"DROP TABLE {table}")
    back_door.run("DELETE FROM schema_migrations WHERE number > 1")
    with pytest.raises(SchemaOutOfDate, match="0002_operator_of_entries"):
        open_installation(settings, clock)
    assert migrate(settings, clock)[0] == "0002_operator_of_entries"
    again = open_installation(settings, clock)
    aged = Wallet(Shop(again, shop.bot_id, shop.token, shop.secret), wallet.client_id)
    assert aged.journal() == before
    order(aged, "mei", Grant(5))
    assert who(aged)[-1] == ("grant", "mei")
    assert problems(again, shop) == []
    again.close()
