"""The dashboard can be imported, asks for metrics that there are, and can be read."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from remora.web.families import BUILD_INFO, FAMILIES, LOOKUPS, POINTS
from tests import expressions

DASHBOARD: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent.parent / "deploy" / "grafana-dashboard.json").read_text(encoding="utf-8")
)
EVERY_PANEL: list[dict[str, Any]] = DASHBOARD["panels"]
PANELS = [panel for panel in EVERY_PANEL if panel["type"] != "row"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]]
VARIABLES = {each["name"]: each for each in DASHBOARD["templating"]["list"]}
UNITS = {"short", "s", "reqps", "ops", "percentunit", "bytes"}
WIDTH = 24


def test_it_can_be_imported_into_any_grafana() -> None:
    assert DASHBOARD["uid"] == "remora"
    assert DASHBOARD["title"]
    assert DASHBOARD["schemaVersion"] >= 36
    assert DASHBOARD.get("id") is None
    assert "__inputs" not in DASHBOARD
    assert VARIABLES["datasource"]["type"] == "datasource"
    asked = [*PANELS, *(target for panel in PANELS for target in panel["targets"])]
    asked += [each for each in VARIABLES.values() if each["type"] == "query"]
    assert {json.dumps(each["datasource"]) for each in asked} == {'{"type": "prometheus", "uid": "${datasource}"}'}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_each_expression_asks_for_what_there_is(expression: str) -> None:
    expressions.check(expression)


def test_it_shows_every_metric() -> None:
    shown = {family.name for each in EXPRESSIONS for family in expressions.families(each).values()}
    left_out = {BUILD_INFO.name, "process_start_time_seconds", "process_virtual_memory_bytes"}
    assert shown == {family.name for family in FAMILIES} - left_out


def test_it_shows_every_kind_of_points() -> None:
    asked = [each for each in EXPRESSIONS if POINTS.name in each]
    kinds = {kind for each in asked for found in re.findall(r'kind=~?"([^"]+)"', each) for kind in found.split("|")}
    assert kinds == expressions.EVERY_KIND


def test_its_variables_choose_all_that_is_shown() -> None:
    assert set(VARIABLES) == {"datasource", "job", "instance", "bot"}
    for each in EXPRESSIONS:
        selectors = re.findall(r"\{(.*?)\}", each)
        assert selectors
        for selector in selectors:
            assert 'job=~"$job"' in selector
            assert 'instance=~"$instance"' in selector
            assert ('bot=~"$bot"' in selector) == (POINTS.name in each or LOOKUPS.name in each)
    used = {name for each in EXPRESSIONS for name in re.findall(r"\$(\w+)", each)}
    assert used == {"job", "instance", "bot", "__rate_interval"}


@pytest.mark.parametrize("name", ["job", "instance", "bot"])
def test_each_variable_asks_for_a_metric_that_there_is(name: str) -> None:
    query = VARIABLES[name]["query"]["query"]
    found = re.fullmatch(r"label_values\((\w+)(?:\{.*\})?, (\w+)\)", query)
    assert found is not None
    [family] = [family for family in FAMILIES if family.name == found[1]]
    assert found[2] == name
    assert name in {"job", "instance", *family.labels}


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_each_panel_says_what_it_shows_and_in_which_unit(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["targets"]
    seconds = any("_seconds_bucket" in target["expr"] for target in panel["targets"])
    assert seconds == (panel["fieldConfig"]["defaults"]["unit"] == "s")
    assert all(target["legendFormat"] for target in panel["targets"])
    references = [target["refId"] for target in panel["targets"]]
    assert len(set(references)) == len(references)


def test_titles_and_ids_are_unique() -> None:
    for field in ("title", "id"):
        values = [panel[field] for panel in EVERY_PANEL]
        assert len(set(values)) == len(values)


def test_panels_lie_side_by_side_and_within_the_grid() -> None:
    places = [panel["gridPos"] for panel in EVERY_PANEL]
    for place in places:
        assert place["x"] >= 0 < place["w"]
        assert place["x"] + place["w"] <= WIDTH
        assert place["y"] >= 0 < place["h"]
    for one, other in itertools.combinations(places, 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y, (one, other)
