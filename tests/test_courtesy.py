"""A process that is nice gives way between the items that it works on, and leaves none of them out."""

from __future__ import annotations

import pytest

from tests import courteous

WORKING = """
from remora.courtesy import gently
print(*gently(range(int(sys.argv[2]))))
"""


@pytest.mark.parametrize("niceness", [0, 1])
@pytest.mark.parametrize(("count", "times"), [(0, 0), (1, 0), (4, 0), (5, 1), (50, 12)])
def test_every_few_items(niceness: int, count: int, times: int) -> None:
    printed, gave_way = courteous.run(WORKING, niceness, count)
    assert printed.split() == [str(number) for number in range(count)]
    assert gave_way == (times if courteous.would_be_nice(niceness) else 0)
