"""The alerts ask for metrics that there are, and say what to do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from remora import settings
from tests import expressions

FILE: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent.parent.parent / "deploy" / "alerts.yaml").read_text(encoding="utf-8")
)
RULES: list[dict[str, Any]] = [rule for group in FILE["groups"] for rule in group["rules"]]


def test_there_is_an_alert_for_each_thing_that_goes_wrong() -> None:
    assert set(FILE) == {"groups"}
    assert [group["name"] for group in FILE["groups"]] == ["remora"]
    assert [rule["alert"] for rule in RULES] == [
        "RemoraAbsent",
        "RemoraNotReady",
        "RemoraServerErrors",
        "RemoraQueueNearFull",
        "RemoraLimiterAway",
        "RemoraPoolTimeouts",
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_is_a_rule_that_prometheus_takes(rule: dict[str, Any]) -> None:
    assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
    expressions.check(rule["expr"])
    assert re.fullmatch(r"\d+m", rule["for"])
    assert rule["labels"]["severity"] in {"critical", "warning"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_says_where_and_what_to_do(rule: dict[str, Any]) -> None:
    assert set(rule["annotations"]) == {"summary", "description"}
    text = " ".join(rule["annotations"].values())
    grouped = {label.strip() for by in re.findall(r"\bby \(([^)]*)\)", rule["expr"]) for label in by.split(",")}
    assert set(re.findall(r"\$labels\.(\w+)", text)) <= grouped
    for variable in re.findall(r"`(REMORA_\w+)`", text):
        assert f'"{variable}"' in Path(settings.__file__).read_text(encoding="utf-8")
