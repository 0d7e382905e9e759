"""What is written in one turn of the loop goes out together, and nothing of it is lost."""

from __future__ import annotations

import asyncio

import pytest

from remora.web.packets import Gathering
from tests.web.noting import Noting


@pytest.fixture
def noting() -> Noting:
    return Noting()


async def a_turn() -> None:
    await asyncio.sleep(0)


def test_head_and_body_are_one_write(noting: Noting) -> None:
    async def answer() -> None:
        transport = Gathering(noting, asyncio.get_running_loop())
        transport.write(b"head ")
        transport.write(b"body")
        await a_turn()
        transport.write(b"the next")
        await a_turn()

    asyncio.run(answer())
    assert noting.writes == [b"head body", b"the next"]


def test_what_does_not_wait_for_the_turns_end_is_sent_once(noting: Noting) -> None:
    async def hurried() -> None:
        transport = Gathering(noting, asyncio.get_running_loop())
        transport.write(b"answer")
        transport.flush()
        assert noting.writes == [b"answer"]
        await a_turn()

    asyncio.run(hurried())
    assert noting.writes == [b"answer"]


def test_what_was_written_is_sent_before_the_connection_is_closed(noting: Noting) -> None:
    async def last_answer() -> None:
        transport = Gathering(noting, asyncio.get_running_loop())
        transport.write(b"goodbye")
        transport.close()
        await a_turn()

    asyncio.run(last_answer())
    assert (noting.writes, noting.closed) == ([b"goodbye"], True)


def test_nothing_is_sent_to_a_caller_who_has_gone(noting: Noting) -> None:
    async def too_late() -> None:
        transport = Gathering(noting, asyncio.get_running_loop())
        transport.write(b"answer")
        noting.close()
        await a_turn()

    asyncio.run(too_late())
    assert noting.writes == []


def test_much_waits_for_nothing(noting: Noting) -> None:
    async def download() -> None:
        transport = Gathering(noting, asyncio.get_running_loop())
        transport.write(b"head")
        transport.write(b"x" * 2**16)
        assert [len(each) for each in noting.writes] == [2**16 + 4]
        await a_turn()

    asyncio.run(download())
    assert len(noting.writes) == 1
