from __future__ import annotations

from xml.etree import ElementTree as ET

from bench import chart
from bench.row import at_least, at_most

from tests.benchmark.figures import measured, results

SVG = "{http://www.w3.org/2000/svg}"

ROWS = results(
    measured("better", at_least(1), ours=[4], theirs=[1]),
    measured("twice <as> bad", at_least(1), ours=[1], theirs=[2]),
    measured("slow", at_most(2), ours=[4], theirs=[1]),
    measured("untold", None, ours=[4], theirs=[1]),
    measured("absent", at_least(1), reason="there is no node"),
)
TREE = ET.fromstring(chart.svg(ROWS))


def line_of_what_is_wanted() -> float:
    [line] = [each for each in TREE.iter(f"{SVG}line") if each.get("class") == "wanted"]
    return float(line.attrib["x1"])


def bars() -> list[tuple[str, float, float]]:
    """The class of each, and where it begins and ends."""
    return [
        (bar.attrib["class"], float(bar.attrib["x"]), float(bar.attrib["x"]) + float(bar.attrib["width"]))
        for bar in TREE.iter(f"{SVG}rect")
    ]


def test_a_bar_begins_at_what_is_wanted_and_goes_right_only_where_that_is_met() -> None:
    line = line_of_what_is_wanted()
    better, worse, slow = bars()
    assert (better[0], better[1]) == ("yes", line)
    assert (worse[0], worse[2]) == ("no", line)
    assert (slow[0], slow[2]) == ("no", line)


def test_four_times_as_good_is_twice_as_long_as_half_as_good() -> None:
    better, worse, _ = bars()
    assert abs((better[2] - better[1]) - 2 * (worse[2] - worse[1])) < 0.5


def test_a_row_has_a_label_if_something_is_wanted_of_it_and_a_word_for_those_who_see_no_colours() -> None:
    texts = [text.text for text in TREE.iter(f"{SVG}text")]
    assert "twice <as> bad" in texts
    assert "untold" not in texts
    assert "✓ 4 (wanted ≥ 1)" in texts
    assert "✗ 4 (wanted ≤ 2)" in texts
    assert "not run" in texts


def test_the_chart_is_told_to_those_who_do_not_see_it() -> None:
    labels = {each.get("id") for each in (TREE.find(f"{SVG}title"), TREE.find(f"{SVG}desc")) if each is not None}
    assert labels == set(TREE.attrib["aria-labelledby"].split())
    said = TREE.findtext(f"{SVG}desc")
    assert said is not None
    assert said.startswith("1 of 4 rows met. better: ✓ 4 (wanted ≥ 1); ")


def test_it_has_colours_for_dark_pages() -> None:
    assert "prefers-color-scheme: dark" in (TREE.findtext(f"{SVG}style") or "")


def test_a_ratio_beyond_the_scale_ends_at_its_edge() -> None:
    tree = ET.fromstring(chart.svg(results(measured("far", at_least(1), ours=[100_000], theirs=[1]))))
    [bar] = tree.iter(f"{SVG}rect")
    assert float(bar.attrib["x"]) + float(bar.attrib["width"]) == chart.RIGHT
