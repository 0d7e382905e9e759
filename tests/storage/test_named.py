"""Every statement has a name, a description and a use."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import remora
from remora.storage import named

STORAGE = Path(remora.__file__).parent / "storage"


def test_every_statement_is_used_and_every_use_has_its_statement() -> None:
    code = "\n".join(path.read_text() for path in STORAGE.rglob("*.py"))
    used = set(re.findall(r'tx\.(?:run|run_many|one|all)\(\s*"(\w+)"', code))
    assert used == set(named.statements())


def test_every_statement_on_a_request_path_names_one_bot() -> None:
    """The exceptions are the operator's list of bots, and what belongs to the installation as a whole."""
    without = {name for name, each in named.statements().items() if ":bot_id" not in each.text}
    assert without == {
        "bot_list",
        "installation_value",
        "installation_keep",
        "migration_table",
        "migrations_applied",
        "migration_record",
    }


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1;",
        "-- name: x\nSELECT 1;",
        "-- name: x\n-- About x.\nSELECT 1",
        "-- name: x\n-- About x.\nSELECT 1;\nstray",
    ],
)
def test_a_file_with_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"file\.sql"):
        named.parse(text, "file.sql")


def test_a_statement_is_read_with_its_description() -> None:
    [statement] = named.parse("-- name: x\n-- About x,\n-- at length.\nSELECT :a\nFROM b;\n", "file.sql")
    assert (statement.name, statement.about, statement.text) == ("x", "About x, at length.", "SELECT :a\nFROM b")
