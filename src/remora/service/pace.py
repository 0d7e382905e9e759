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
    """Rest after a transaction, where all who write stand in one line: on SQLite orders, whose transactions are short,
    would have only every second turn.
    """
    began = time.monotonic()
    yield
    if installation.database.embedded:
        time.sleep((time.monotonic() - began) * REST)
