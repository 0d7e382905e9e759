"""Why a row has no figures."""

from __future__ import annotations


class NotRun(Exception):
    """The machine lacks something that the row needs."""


class Failed(Exception):
    """What was measured did not do its work."""
