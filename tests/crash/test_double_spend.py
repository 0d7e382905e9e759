"""Many who spend the same points at once: processes on one database, and callers of one server."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import httpx
import pytest

from remora.service import lookup
from remora.service.installation import Installation
from tests.cast import Shop, refused
from tests.crash.disk import INSUFFICIENT_POINTS
from tests.crash.load import THREADS, Order, send
from tests.crash.server import Start
from tests.shell import Shell

SPENDERS = 8
POINTS = 60

SPENDER = """
import sys
from remora import settings
from remora.clock import SystemClock
from remora.errors import InsufficientPoints, StoreUnavailable
from remora.ledger.commands import Spend
from remora.service import points
from remora.service.installation import open_installation

def spend(key):
    for _ in range(20):
        try:
            done = points.order(installation, sys.argv[1], sys.argv[2], Spend(1), key)
        except InsufficientPoints as refusal:
            return f"refused {refusal.available}"
        except StoreUnavailable:
            continue
        return f"spent {done.entry.seq} {done.available}"
    return "never had its turn"

installation = open_installation(settings.load(), SystemClock())
print("ready", flush=True)
for key in sys.stdin.readline().split():
    print(key, spend(key), flush=True)
"""


class Spender:
    """A process that spends a point under each key it is told, as fast as it can."""

    def __init__(self, shell: Shell, bot_id: str, client_id: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SPENDER, bot_id, client_id],
            env=shell.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_until_ready(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def begin(self, keys: Sequence[str]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(" ".join(keys) + "\n")
        self.process.stdin.flush()

    def outcomes(self) -> dict[str, str]:
        """What came of each key."""
        out, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0
        return dict(line.split(" ", 1) for line in out.splitlines())

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def client_id(shop: Shop) -> str:
    return shop.client(POINTS // 2, POINTS - POINTS // 2)


@pytest.fixture
def spenders(shell: Shell, shop: Shop, client_id: str) -> Iterator[list[Spender]]:
    """Processes that have the database open, and wait for their keys."""
    started = [Spender(shell, shop.bot_id, client_id) for _ in range(SPENDERS)]
    for spender in started:
        spender.wait_until_ready()
    yield started
    for spender in started:
        spender.end()


def available(installation: Installation, shop: Shop, client_id: str) -> int:
    return lookup.balances(installation, shop.bot_id, [client_id])[client_id].points


def test_processes_that_spend_the_same_points_spend_each_once(
    spenders: list[Spender], installation: Installation, shop: Shop, client_id: str, shell: Shell
) -> None:
    for number, spender in enumerate(spenders):
        spender.begin([f"spender-{number}-{key}" for key in range(12)])
    outcomes = Counter(outcome for spender in spenders for outcome in spender.outcomes().values())
    # The two grants were entries 1 and 2. Each spend is told its own entry, and what was left after it.
    spent = {f"spent {2 + nth} {POINTS - nth}": 1 for nth in range(1, POINTS + 1)}
    assert outcomes == {**spent, "refused 0": SPENDERS * 12 - POINTS}
    assert available(installation, shop, client_id) == 0
    shell.ok("verify")


def test_processes_that_spend_with_the_same_keys_spend_once_for_each_and_are_told_the_same(
    spenders: list[Spender], installation: Installation, shop: Shop, client_id: str, shell: Shell
) -> None:
    keys = [f"order-{number}" for number in range(1, POINTS + 11)]
    for spender in spenders:
        spender.begin(keys)
    # Nobody goes on to a key before the one before it is decided, so the last keys are those that come too late.
    expected = {
        key: f"spent {2 + nth} {POINTS - nth}" if nth <= POINTS else "refused 0" for nth, key in enumerate(keys, 1)
    }
    for spender in spenders:
        assert spender.outcomes() == expected
    assert available(installation, shop, client_id) == 0
    shell.ok("verify")


def test_callers_that_spend_the_same_points_spend_each_once(
    start: Start, installation: Installation, shop: Shop, client_id: str, shell: Shell
) -> None:
    orders = [Order("spend", client_id, 1, f"order-{number}") for number in range(POINTS + 20)]
    sent = send(start().api, shop, orders)
    assert not sent.unanswered
    spent = [response.json() for _, response in sent.answers if response.status_code == 200]
    late = [refused(response) for _, response in sent.answers if response.status_code != 200]
    assert sorted(answer["available"] for answer in spent) == list(range(POINTS))
    assert len({answer["entry"]["entryId"] for answer in spent}) == POINTS
    assert late == [(409, INSUFFICIENT_POINTS)] * 20
    assert not any("idempotent-replayed" in response.headers for _, response in sent.answers)
    assert available(installation, shop, client_id) == 0
    shell.ok("verify")


def test_callers_that_spend_with_the_same_keys_spend_once_for_each_and_are_told_the_same(
    start: Start, installation: Installation, shop: Shop, client_id: str, shell: Shell
) -> None:
    keys = [f"order-{number}" for number in range(POINTS + 10)]
    # Each thread takes the next order, so the eight of one key are under way at the same time.
    sent = send(start().api, shop, [Order("spend", client_id, 1, key) for key in keys for _ in range(THREADS)])
    assert not sent.unanswered
    answers: dict[str, list[httpx.Response]] = defaultdict(list)
    for order, response in sent.answers:
        answers[order.key].append(response)
    for key, responses in answers.items():
        assert len({(response.status_code, response.content) for response in responses}) == 1, key
        replayed = Counter(response.headers.get("idempotent-replayed") for response in responses)
        assert replayed == {None: 1, "true": THREADS - 1}, key
    assert Counter(responses[0].status_code for responses in answers.values()) == {200: POINTS, 409: 10}
    assert available(installation, shop, client_id) == 0
    shell.ok("verify")
