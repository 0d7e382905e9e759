"""Why a row has no figures."""

from __future__ import annotations


class NotRun(Exception):  # noqa: N818 (nothing went wrong)
    """The machine lacks something that the row needs."""


class Failed(Exception):  # noqa: N818 (it is what came of a row)
    """What was measured did not do its work."""
