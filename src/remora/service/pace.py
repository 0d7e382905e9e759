"""Pace: long work in many transactions lets others have their turn between them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from remora.service.installation import Installation

REST = 0.5
"""A rest is so many times as long as the transaction before it."""


@contextmanager
def paced(installation: Installation) -> Iterator[None]:
    """Rest after a transaction, where writers of other processes do not queue: on SQLite they look from time to time
    whether the file is free, and would hardly ever find it so.
    """
    began = time.monotonic()
    yield
    if installation.database.embedded:
        time.sleep((time.monotonic() - began) * REST)
