"""Metrics as a scrape reads them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample


@dataclass
class Scraped:
    samples: list[Sample]

    def find(self, name: str, **labels: str) -> Iterator[Sample]:
        """The samples of a name that have these labels, whatever others they have."""
        return (each for each in self.samples if each.name == name and labels.items() <= each.labels.items())

    def total(self, name: str, **labels: str) -> float:
        """The sum of what has these labels; 0 if nothing has."""
        return sum(each.value for each in self.find(name, **labels))

    def values(self, label: str, name: str, **labels: str) -> dict[str, float]:
        """The sums by one label."""
        found: dict[str, float] = {}
        for each in self.find(name, **labels):
            found[each.labels[label]] = found.get(each.labels[label], 0) + each.value
        return found


def parsed(text: str) -> Scraped:
    return Scraped([sample for family in text_string_to_metric_families(text) for sample in family.samples])


def scrape(http: httpx.Client) -> Scraped:
    response = http.get("/metrics")
    assert response.status_code == 200, response.text
    return parsed(response.text)
