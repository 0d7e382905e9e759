"""Courtesy: what a process that is nice does in the midst of its work.

Niceness decides who runs next. Whoever runs goes on until the system's clock ticks, some milliseconds, though others
are woken meanwhile who are to go first; so it has to give way by itself, more often than that.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TypeVar

Item = TypeVar("Item")

ITEMS_BEFORE_OTHERS = 4
"""An order takes some 25 microseconds to decide."""


def is_nice() -> bool:
    """Whether whoever started this process, or it itself, wants others to go first."""
    return os.nice(0) > 0


def gently(items: Sequence[Item]) -> Iterable[Item]:
    """The items, each to be worked on as it comes. A process that is nice lets others run after every few of them."""
    return _in_between(items) if len(items) > ITEMS_BEFORE_OTHERS and is_nice() else items


def _in_between(items: Sequence[Item]) -> Iterable[Item]:
    for number, item in enumerate(items, 1):
        yield item
        if number % ITEMS_BEFORE_OTHERS == 0:
            os.sched_yield()
