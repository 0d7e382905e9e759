from __future__ import annotations

import pytest
from bench.__main__ import chosen
from bench.rows import ROWS


def names(*only: str, quick: bool = False) -> list[str]:
    return [row.name for row in chosen(list(only), quick=quick)]


def test_no_two_rows_have_the_same_name() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)


def test_rows_are_chosen_by_what_their_names_begin_with() -> None:
    assert names("lookup-1-sqlite", "start") == ["lookup-1-sqlite", "lookup-1-sqlite-one-process", "start"]
    with pytest.raises(SystemExit, match="there is no row look"):
        names("look")


def test_a_quick_run_leaves_out_what_is_not_judged_unless_it_is_named() -> None:
    judged = [row.name for row in ROWS if row.wanted]
    assert names(quick=True) == judged
    assert names() == [row.name for row in ROWS] != judged
    assert names("lookup-1-sqlite-one-process", quick=True) == ["lookup-1-sqlite-one-process"]


def test_one_process_is_measured_beside_a_row_that_is_judged() -> None:
    alone = [row for row in ROWS if row.name.endswith("-one-process")]
    judged = {row.name for row in ROWS if row.wanted}
    assert alone
    assert all(row.wanted is None and row.name.removesuffix("-one-process") in judged for row in alone)
