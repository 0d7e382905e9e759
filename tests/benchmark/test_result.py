from __future__ import annotations

from pathlib import Path

from bench import result
from bench.result import Met, Results
from bench.row import Wanted, at_least, at_most

from tests.benchmark.figures import MACHINE, measured, results


def test_the_ratio_is_that_of_the_medians_and_its_bounds_are_those_of_the_rounds() -> None:
    row = measured("a", ours=[10, 40, 30], theirs=[10, 20, 60])
    assert row.ratio.median == 30 / 20, "a median of 1 is what the rounds have"
    assert (row.ratio.low, row.ratio.high) == (0.5, 2)


def met(wanted: Wanted | None, ours: float) -> Met:
    return measured("a", wanted=wanted, ours=[ours], theirs=[10]).met


def test_at_least_is_met_from_the_ratio_on() -> None:
    assert met(at_least(0.4), 4) is Met.YES
    assert met(at_least(0.4), 3.9) is Met.NO


def test_at_most_is_met_up_to_the_ratio() -> None:
    assert met(at_most(3), 30) is Met.YES
    assert met(at_most(3), 31) is Met.NO


def test_a_row_that_nothing_is_wanted_of_is_not_judged() -> None:
    assert met(None, 1) is Met.NOT_ASKED


def test_a_row_that_could_not_be_run_is_told_from_one_that_failed() -> None:
    assert measured("a", reason="there is no node").met is Met.NOT_RUN
    assert measured("a", reason="it answered 500", failed=True).met is Met.NO


def test_a_score_says_how_far_a_ratio_is_from_what_is_wanted() -> None:
    assert measured("a", wanted=at_least(2), ours=[10], theirs=[10]).score == 0.5
    assert measured("a", wanted=at_most(2), ours=[10], theirs=[10]).score == 2


def test_rows_that_are_measured_anew_stand_where_the_old_ones_stood(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    result.save(path, results(measured("a", ours=[1]), measured("b", ours=[1])))
    anew = results(measured("b", ours=[2]), measured("c", ours=[2]))
    result.save(path, anew.over(result.load(path), ["c", "b", "a"]))
    kept = result.load(path)
    assert kept is not None
    assert [(row.name, row.ours) for row in kept.rows] == [("c", [2]), ("b", [2]), ("a", [1])]
    assert kept.pieced
    assert kept.over(None, ["c", "b"]).pieced, "written anew, it is so still"
    assert not results(measured("b"), measured("c")).over(kept, ["c", "b"]).pieced, "all rows are of one run again"


def test_rows_that_are_no_more_are_dropped() -> None:
    anew = results(measured("b")).over(results(measured("gone"), measured("a")), ["a", "b"])
    assert [row.name for row in anew.rows] == ["a", "b"]
    assert [row.name for row in anew.over(None, ["b"]).rows] == ["b"]


def test_what_is_kept_is_read_as_it_was(tmp_path: Path) -> None:
    made = Results(MACHINE, "2026-11-23", 5, 3, [measured("a", wanted=at_least(0.4)), measured("b", reason="no node")])
    result.save(tmp_path / "kept.json", made)
    assert result.load(tmp_path / "kept.json") == made


def test_nothing_is_read_where_nothing_was_kept(tmp_path: Path) -> None:
    assert result.load(tmp_path / "kept.json") is None
