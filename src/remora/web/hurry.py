"""Which answers do not wait for the end of the loop's turn, at which all of it go out together."""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop

HURRIED_TOGETHER = 2
"""So many of a turn. Each that goes out by itself wakes its caller, who takes the processor from whoever is answering:
where many ask at a time, all of them would wait longer for it.
"""


class Hurry:
    """Lets the first few of each turn go ahead."""

    def __init__(self) -> None:
        self._loop: AbstractEventLoop | None = None
        self._left = 0

    def take(self) -> bool:
        """Whether one more may."""
        # Asking which loop it is costs a system call; one that is not over is this one.
        if self._loop is None or not self._loop.is_running():
            self._loop, self._left = asyncio.get_running_loop(), HURRIED_TOGETHER
            self._loop.call_soon(self._end)
        self._left -= 1
        return self._left >= 0

    def _end(self) -> None:
        self._loop = None
