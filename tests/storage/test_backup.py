"""The file of a back-up: whole, sound and its owner's only, or not there."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from remora.errors import BackupRefused
from remora.service.installation import Installation
from remora.settings import Settings, SqliteUrl
from remora.storage import backup
from remora.storage.sqlite import SqliteDatabase
from tests.cast import Shop
from tests.stores import only

pytestmark = only("sqlite", why="PostgreSQL is backed up by its own means")


@pytest.fixture
def database(installation: Installation) -> SqliteDatabase:
    assert isinstance(installation.database, SqliteDatabase)
    return installation.database


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "backup"
    made.mkdir()
    return made


def copy(database: SqliteDatabase, target: Path, *, replace: bool = False) -> None:
    backup.copy(database, target, replace=replace, done=lambda _: None)


def refusal(database: SqliteDatabase, target: Path, *, replace: bool = False) -> str:
    with pytest.raises(BackupRefused) as refused:
        copy(database, target, replace=replace)
    return refused.value.message


def test_a_copy_is_one_file_for_its_owner_only(database: SqliteDatabase, folder: Path) -> None:
    copy(database, folder / "copy.db")
    [made] = folder.iterdir()
    assert made.name == "copy.db"
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert made.stat().st_nlink == 1


def test_a_copy_is_in_the_mode_of_the_database(database: SqliteDatabase, folder: Path) -> None:
    copy(database, folder / "copy.db")
    with closing(sqlite3.connect(folder / "copy.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_file_that_is_there_is_kept_unless_it_is_to_be_replaced(database: SqliteDatabase, folder: Path) -> None:
    target = folder / "copy.db"
    target.write_text("last night's")
    assert "--force" in refusal(database, target)
    assert target.read_text() == "last night's"
    copy(database, target, replace=True)
    assert target.read_bytes().startswith(b"SQLite format 3")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(folder.iterdir()) == [target]


def test_a_file_that_comes_while_the_copy_is_made_is_kept(database: SqliteDatabase, folder: Path) -> None:
    target = folder / "copy.db"
    with pytest.raises(BackupRefused, match="exists"):
        backup.copy(database, target, replace=False, done=lambda _: target.touch())
    assert list(folder.iterdir()) == [target]
    assert target.read_bytes() == b""


@pytest.mark.parametrize("suffix", ["", "-wal", "-journal"])
def test_the_database_is_never_replaced_by_its_copy(database: SqliteDatabase, folder: Path, suffix: str) -> None:
    own = database.path.with_name(database.path.name + suffix)
    (folder / "link.db").symlink_to(own)
    for target in (own, own.parent / ".." / own.parent.name / own.name, folder / "link.db"):
        assert "the database itself" in refusal(database, target, replace=True)


def test_a_log_beside_the_target_is_not_given_a_file_that_it_does_not_belong_to(
    database: SqliteDatabase, folder: Path
) -> None:
    (folder / "copy.db-wal").write_bytes(b"of another database")
    for replace in (False, True):
        assert "copy.db-wal" in refusal(database, folder / "copy.db", replace=replace)
    assert [path.name for path in folder.iterdir()] == ["copy.db-wal"]


def test_a_folder_that_is_not_there_is_told(database: SqliteDatabase, folder: Path) -> None:
    assert "No such file or directory" in refusal(database, folder / "missing" / "copy.db")
    assert list(folder.iterdir()) == []


def test_a_folder_in_the_place_is_told_and_kept(database: SqliteDatabase, folder: Path) -> None:
    (folder / "copy.db").mkdir()
    assert "directory" in refusal(database, folder / "copy.db", replace=True)
    assert [path.name for path in folder.iterdir()] == ["copy.db"]


def test_a_copy_of_a_damaged_database_is_not_kept(shop: Shop, settings: Settings, folder: Path) -> None:
    for number in range(200):
        shop.client(platform_client_id=f"U{number}")
    shop.installation.close()
    assert isinstance(settings.database, SqliteUrl)
    path = settings.database.path
    with closing(sqlite3.connect(path)) as connection:
        [(root,)] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'clients'")
        [(size,)] = connection.execute("PRAGMA page_size")
    with path.open("r+b") as file:
        file.seek((root - 1) * size + 8)
        file.write(b"\xff" * 64)
    damaged = SqliteDatabase(path, busy_timeout_seconds=5)
    assert "not sound" in refusal(damaged, folder / "copy.db")
    damaged.close()
    assert list(folder.iterdir()) == []
