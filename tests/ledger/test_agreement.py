"""The rules against a naive ledger that recomputes everything: see tests/oracle.py and agreement.py."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import settings as effort

from tests.ledger.agreement import agree
from tests.moves import scripts
from tests.oracle import Move


@effort(max_examples=1_000, deadline=None)
@given(script=scripts())
def test_the_rules_agree_with_a_naive_ledger_at_every_instant(script: Sequence[Move | int]) -> None:
    agree(script)
