"""A back-up is the state at one instant, whatever is written while it is made."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from remora import settings as environment
from remora.clock import Clock
from remora.errors import BackupRefused
from remora.ledger.commands import Grant, Spend
from remora.service import backup, verify
from remora.service.installation import Installation, open_installation
from remora.settings import SqliteUrl, database_url
from remora.storage import backup as storage
from remora.storage.sqlite import SqliteDatabase
from tests.cast import SIGNING_KEY, ManualClock, Shop, open_shop
from tests.stores import only
from tests.wallet import Wallet

SQLITE = only("sqlite", why="PostgreSQL is backed up by its own means")

orders = st.tuples(st.integers(0, 2), st.integers(1, 50))
"""Whose points, of three clients, and how many."""


def journals(wallets: list[Wallet]) -> list[list[bytes]]:
    return [[entry.hash for entry in wallet.journal()] for wallet in wallets]


@pytest.fixture
def small_helpings(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a small database is copied in many of them."""
    monkeypatch.setattr(storage, "PAGES_AT_ONCE", 2)


@SQLITE
@pytest.mark.usefixtures("small_helpings")
def test_a_copy_has_what_was_there_when_it_was_begun_and_nothing_of_what_came_while_it_was_made(
    make_installation: Callable[[Clock], AbstractContextManager[Installation]],
) -> None:
    @settings(deadline=None, max_examples=50)
    @given(before=st.lists(orders, max_size=30), meanwhile=st.lists(st.lists(orders, min_size=1, max_size=4)))
    def holds(before: list[tuple[int, int]], meanwhile: list[list[tuple[int, int]]]) -> None:
        with make_installation(ManualClock()) as installation, tempfile.TemporaryDirectory() as folder:
            shop = open_shop(installation, "teaShop01")
            wallets = [Wallet(shop, shop.client(100, platform_client_id=f"U{number}")) for number in range(3)]
            for client, points in before:
                wallets[client].do(Grant(points))
                wallets[client].do(Spend(1))
            begun, left = journals(wallets), iter(meanwhile)

            def write(_: int) -> None:
                for client, points in next(left, [(0, 1)]):
                    wallets[client].do(Grant(points))

            target = Path(folder) / "copy.db"
            back_up(installation, target, write)
            assert journals(wallets) != begun, "writing went on"
            copy = opened(target)
            copied = [Wallet(Shop(copy, "teaShop01", "", ""), wallet.client_id) for wallet in wallets]
            assert journals(copied) == begun
            copied[0].do(Grant(5))
            assert list(verify.verify(copy, "teaShop01", lambda _: None)) == []
            copy.close()

    holds()


def back_up(installation: Installation, target: Path, done: Callable[[int], None]) -> None:
    assert isinstance(installation.database, SqliteDatabase)
    ours = replace(environment.load({}), database=SqliteUrl(installation.database.path))
    work, helpings = backup.work(ours), list[int]()

    def note(pages: int) -> None:
        helpings.append(pages)
        assert sum(helpings) <= work, "it began again because something was written, and so may never end"
        done(pages)

    size = backup.backup(ours, target, replace=False, done=note)
    assert len(helpings) >= 5
    assert sum(helpings) == work
    assert size == target.stat().st_size


def opened(path: Path) -> Installation:
    theirs = replace(environment.load({}), database=SqliteUrl(path), signing_key=SIGNING_KEY)
    return open_installation(theirs, ManualClock())


def test_postgresql_is_left_to_its_own_means_and_its_password_is_not_told(tmp_path: Path) -> None:
    ours = replace(environment.load({}), database=database_url("postgresql://remora:hunter2@db.internal/points"))
    with pytest.raises(BackupRefused) as refused:
        backup.backup(ours, tmp_path / "copy.db", replace=False, done=lambda _: None)
    for named in ("pg_dump", "pg_basebackup", "docs/operations/scaling.md", "db.internal/points"):
        assert named in refused.value.message
    assert "hunter2" not in refused.value.message
    assert list(tmp_path.iterdir()) == []
