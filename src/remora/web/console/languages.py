"""The console's languages: a catalogue each, `languages/TAG.toml`, all with the same keys."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from msgspec import Struct

DEFAULT = "en"
TAGS = ("en", "zh-Hant")


class Language(Struct, frozen=True):
    """What is said in one language. Called with a key it says it, with the values put where they belong."""

    tag: str
    texts: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        text = self.texts[key]
        return text.format(**values) if values else text

    def has(self, key: str) -> bool:
        return key in self.texts


@cache
def language(tag: str) -> Language:
    """One of `TAGS`."""
    text = files("remora.web.console").joinpath("languages", f"{tag}.toml").read_text(encoding="utf-8")
    return Language(tag, dict(_flat(tomllib.loads(text))))


def chosen(cookie: str | None, accepted: str) -> Language:
    """The language that was chosen before, else the first that the browser asks for and there is."""
    if cookie in TAGS:
        return language(cookie)
    for wanted in _by_preference(accepted):
        # Whoever reads any Chinese reads this one rather than English.
        if wanted.split("-")[0] == "zh":
            return language("zh-Hant")
        if wanted.split("-")[0] == "en":
            return language("en")
    return language(DEFAULT)


def _by_preference(accepted: str) -> list[str]:
    """The languages of an Accept-Language header, best first; what is no weight counts as none."""
    ranked = []
    for part in accepted.lower().split(",")[:20]:
        tag, _, parameter = part.strip().partition(";")
        ranked.append((_weight(parameter), tag.strip()))
    return [tag for weight, tag in sorted(ranked, key=lambda each: -each[0]) if weight > 0]


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        return float(value) if name == "q" else 0.0
    except ValueError:
        return 0.0


def _flat(table: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in table.items():
        if isinstance(value, dict):
            found += _flat(value, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", str(value)))
    return found
