"""Telling what was counted, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from remora.web.families import FAMILIES, Family, Kind
from remora.web.tally import Name, Reading


def text(readings: Sequence[Reading], accept: str) -> tuple[bytes, str]:
    """All metrics, and their content type: the text format 0.0.4, or OpenMetrics where that is accepted."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(readings))
    try:
        encode, content_type = choose_encoder(accept)
    except TypeError:  # it asks for a version that is no number
        encode, content_type = choose_encoder("")
    return encode(registry), content_type


class _Collector(Collector):
    def __init__(self, readings: Sequence[Reading]) -> None:
        self._readings = readings

    def describe(self) -> list[Metric]:
        """Nothing: each registry has this one collector, so no two can have the same names."""
        return []

    def collect(self) -> Iterator[Metric]:
        found: dict[str, dict[Name, list[float]]] = {family.name: {} for family in FAMILIES}
        for (family_name, *labels), cells in summed(self._readings).items():
            found[family_name][tuple(labels)] = cells
        for family in FAMILIES:
            yield _metric(family, found[family.name])


def summed(readings: Sequence[Reading]) -> dict[Name, list[float]]:
    """The numbers of all workers added; those that are a worker's own by worker, if it lives."""
    own = {family.name for family in FAMILIES if family.of_worker}
    total: dict[Name, list[float]] = {}
    for reading in readings:
        for name, cells in reading.cells.items():
            if name[0] not in own:
                before = total.get(name)
                total[name] = list(cells) if before is None else [a + b for a, b in zip(before, cells, strict=True)]
            elif reading.lives:
                total[*name, str(reading.worker)] = list(cells)
    return total


def _metric(family: Family, found: dict[Name, list[float]]) -> Metric:
    if family.kind is Kind.HISTOGRAM:
        return _histogram(family, found)
    of_kind = CounterMetricFamily if family.kind is Kind.COUNTER else GaugeMetricFamily
    metric = of_kind(family.name, family.meaning, labels=family.all_labels)
    for labels, [value] in sorted(found.items()):
        metric.add_metric(labels, value)
    return metric


def _histogram(family: Family, found: dict[Name, list[float]]) -> Metric:
    metric = HistogramMetricFamily(family.name, family.meaning, labels=family.labels)
    bounds = [*(str(float(bound)) for bound in family.bounds), "+Inf"]
    for labels, [*counts, total] in sorted(found.items()):
        # Each bucket has those of the smaller ones in it.
        metric.add_metric(labels, list(zip(bounds, accumulate(counts), strict=True)), total)
    return metric
