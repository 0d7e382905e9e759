"""Every statement has a name, a description and a use."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import remora
from remora.storage import named

STORAGE = Path(remora.__file__).parent / "storage"


DIALECTS = ["sqlite", "postgresql"]


def test_both_stores_have_the_same_statements() -> None:
    """But for those that ask Citus, which is only ever on PostgreSQL."""
    first, second = (named.statements(dialect) for dialect in DIALECTS)
    assert second.keys() - first.keys() == {name for name in second if name.startswith("citus_")}
    assert first.keys() <= second.keys()


def test_every_statement_is_used_and_every_use_has_its_statement() -> None:
    # A name is a literal wherever it is used: beside a verb, in a choice between two, in a list of queries.
    code = "\n".join(path.read_text() for path in STORAGE.rglob("*.py"))
    literals = set(re.findall(r'"([a-z]+(?:_[a-z]+)*)"', code))
    assert named.statements("postgresql").keys() <= literals
    used = set(re.findall(r'tx\.(?:run|run_many|one|all)\(\s*"(\w+)"', code))
    assert used <= named.statements("postgresql").keys()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_statement_on_a_request_path_names_one_bot(dialect: str) -> None:
    """The exceptions are the operator's list of bots, and what belongs to the installation as a whole."""
    without = {name for name, each in named.statements(dialect).items() if ":bot_id" not in each.text}
    of_the_installation = ("citus_", "operator_", "session_", "sessions_", "sign_in_")
    assert {name for name in without if not name.startswith(of_the_installation)} == {
        "bot_list",
        "installation_value",
        "installation_values",
        "installation_keep",
        "installation_forget",
        "migration_table",
        "migrations_alone",
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
