"""Every row, in the order of the table."""

from __future__ import annotations

from bench.row import Row
from bench.rows import batches, grants, latency, lookups, lots, peers, sizes, spends

ROWS: tuple[Row, ...] = (
    *lookups.ROWS,
    *peers.ROWS,
    *grants.ROWS,
    *spends.ROWS,
    *batches.ROWS,
    *latency.ROWS,
    *lots.ROWS,
    *sizes.ROWS,
)
