from __future__ import annotations

import re

from bench import report
from bench.row import at_least, at_most

from tests.benchmark.figures import measured, results

PAGE = report.page(
    results(
        measured("lookup", at_least(0.4), ours=[9_000, 12_345, 20_000], theirs=[20_000, 24_690, 25_000]),
        measured("p99", at_most(3), ours=[9.876], theirs=[1.5]),
        measured("told", None, ours=[2], theirs=[1]),
        measured("prism", at_least(5), reason="there is no node"),
    )
)


def row(name: str) -> list[str]:
    [line] = re.findall(rf"^\| `{name}` \|.*$", PAGE, re.MULTILINE)
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_row_has_its_figures_ratio_rounds_and_verdict() -> None:
    assert row("lookup") == [
        *("`lookup`", "work of lookup", "peer of lookup", "requests/s"),
        *("9,000 / 12,345 / 20,000", "20,000 / 24,690 / 25,000", "0.5 (0.45 to 0.8)", "3", "≥ 0.4", "yes"),
    ]


def test_a_ratio_that_is_too_large_is_not_met() -> None:
    assert row("p99")[4:] == ["9.88 / 9.88 / 9.88", "1.5 / 1.5 / 1.5", "6.58 (6.58 to 6.58)", "1", "≤ 3", "no"]


def test_a_row_that_nothing_is_wanted_of_has_no_verdict() -> None:
    assert row("told")[-2:] == ["—", "—"]


def test_a_row_that_was_not_run_says_why() -> None:
    assert row("prism")[4:] == ["", "", "", "", "≥ 5", "not run"]
    assert "`prism` has no figures: there is no node." in PAGE


def test_every_row_of_the_table_has_as_many_cells_as_its_head() -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in lines} == {11}


def test_the_page_counts_what_is_met_and_says_where_it_was_measured() -> None:
    assert "1 of 3 met. Run on 2026-11-23, rounds of 3 seconds." in PAGE
    assert "Abacus, 2 cores, 8 GB, Linux 6; ext4, where making 8 KB durable takes 0.5 ms." in PAGE
    assert "Remora 1.0, Prism 5." in PAGE


def test_the_page_says_where_it_is_of_more_than_one_run() -> None:
    assert "of an earlier run" not in PAGE
    pieced = results(measured("a")).over(results(measured("b")), ["a", "b"])
    assert "Some rows are of an earlier run." in report.page(pieced)


def test_the_page_says_how_each_row_is_measured() -> None:
    assert all(f"- `{name}`: How {name} is measured." in PAGE for name in ("lookup", "p99", "told", "prism"))


def test_a_figure_has_three_digits_or_all_of_a_large_number() -> None:
    assert list(map(report.figure, (0.012345, 1.5, 99.94, 123.4, 1_234_567.8))) == [
        *("0.0123", "1.5", "99.9", "123", "1,234,568"),
    ]
