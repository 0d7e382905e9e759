"""Where the processes of one server meet: paths in a folder that is there as long as the server runs."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct


class Run(Struct, frozen=True):
    """`writer`: where the writer of this process's generation listens. `limits`: how the names of the files begin in
    which all generations keep what is leased of the rate limits.
    """

    writer: Path
    limits: Path
