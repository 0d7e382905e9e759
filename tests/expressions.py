"""What a PromQL expression asks for, as far as that can be told without evaluating it."""

from __future__ import annotations

import re

from remora.web.families import FAMILIES, Family, Kind
from remora.web.metrics import KINDS

_METRIC = re.compile(r"\b((?:remora|process)_\w+)(?:\{(.*?)\})?")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"([^\"]*)\"")
_GROUPING = re.compile(r"\bby \(([^)]*)\)")
_OF_PROMETHEUS = {"job", "instance"}

EVERY_KIND = {*KINDS.values(), "returned", "revoked"}


def families(expression: str) -> dict[str, Family]:
    """The metrics of an expression, as they stand in it; KeyError if there is none such."""
    known = {series: family for family in FAMILIES for series in _series(family)}
    return {name: known[name] for name, _ in _METRIC.findall(expression)}


def check(expression: str) -> None:
    """Assert that the expression asks for what there is, by labels that it has, and in a way that makes sense."""
    assert expression.count("(") == expression.count(")")
    named = families(expression)
    assert named, expression
    for match in _METRIC.finditer(expression):
        family, before = named[match[1]], expression[: match.start()]
        matchers = _MATCHER.findall(match[2] or "")
        assert {label for label, _ in matchers} <= {*family.all_labels, *_OF_PROMETHEUS}, match[0]
        kinds = {kind for label, value in matchers if label == "kind" for kind in value.split("|")}
        assert kinds <= EVERY_KIND, match[0]
        # Of what only grows one asks how fast, and of nothing else.
        grows = family.kind is not Kind.GAUGE
        assert before.endswith(("rate(", "increase(")) == grows, match[0]
    labels = {label for family in named.values() for label in family.all_labels} | _OF_PROMETHEUS | {"le"}
    for grouping in _GROUPING.findall(expression):
        assert {label.strip() for label in grouping.split(",")} <= labels, grouping
    if "histogram_quantile" in expression:
        assert all(name.endswith("_bucket") for name in named)
        assert "le" in _GROUPING.findall(expression)[0]


def _series(family: Family) -> list[str]:
    if family.kind is Kind.HISTOGRAM:
        return [f"{family.name}_{suffix}" for suffix in ("bucket", "sum", "count")]
    return [family.name]
