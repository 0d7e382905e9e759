"""What is looked up in a far store by the event loop itself: together, to each their own, and for a bounded time.
See also test_reader_away.py.
"""

from __future__ import annotations

import asyncio

import pytest

from remora.errors import StoreUnavailable
from remora.service.installation import Installation
from remora.service.lookup import Answer
from remora.web import way
from tests.backdoor import BackDoor
from tests.cast import DAY, START, ManualClock, Shop
from tests.web.asking import (
    WAITING,
    Asking,
    Run,
    eventually,
    far,
    held,
    points,
    run,
    running,
    store,
    through,
    url,
)

__all__ = ["far", "run", "store", "through", "url"]  # fixtures


def test_what_a_turn_brings_is_asked_together_and_each_bots_apart(run: Run, shop: Shop, rival: Shop) -> None:
    ours = [shop.client(number, platform_client_id=f"U{number}") for number in (1, 2)]
    theirs = rival.client(3)

    async def talk(asking: Asking) -> None:
        for _ in range(3):
            answers = await asking.all_of(
                asking.ask(shop.bot_id, ours[0], sender="a"),
                asking.ask(rival.bot_id, theirs, ours[0], sender="b"),
                asking.ask(shop.bot_id, *reversed(ours), "nobody", sender="c"),
                asking.ask("noSuchBot", ours[0], sender="d"),
            )
            assert points(answers) == [[1], [3], [2, 1], []]
            assert [answer.caller is None for answer in answers if isinstance(answer, Answer)] == [False] * 3 + [True]
        assert asking.noted.batches == [(6, ["a", "c"]), (3, ["b"]), (2, ["d"])] * 3

    run(talk)


def test_what_comes_while_others_are_asked_goes_together_after_them(run: Run, back_door: BackDoor, shop: Shop) -> None:
    client_id = shop.client(5)

    async def talk(asking: Asking) -> None:
        with held(back_door):
            answers = [asking.ask(shop.bot_id, client_id, sender=0)]
            await eventually(lambda: bool(back_door.rows(WAITING)))
            for sender in (1, 2, 3):
                answers.append(asking.ask(shop.bot_id, client_id, sender=sender))
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            assert asking.noted.depth == 6
        assert points(await asking.all_of(*answers)) == [[5]] * 4
        assert [senders for _, senders in asking.noted.batches] == [[0], [1, 2, 3]]

    run(talk)


def test_what_is_past_its_due_time_is_computed(run: Run, shop: Shop, clock: ManualClock) -> None:
    client_id = shop.client(5)
    shop.grant(client_id, 7, expires_at=START + DAY)

    async def talk(asking: Asking) -> None:
        assert points(await asking.all_of(asking.ask(shop.bot_id, client_id))) == [[12]]
        clock.time = START + DAY
        assert points(await asking.all_of(*(asking.ask(shop.bot_id, client_id) for _ in range(3)))) == [[5]] * 3
        assert [weight for weight, _ in asking.noted.batches] == [2, 6]

    run(talk)


def test_more_than_the_network_takes_at_once_is_asked_and_answered(run: Run, shop: Shop) -> None:
    client_id = shop.client(5)
    nobodies = [f"nobody{'y' * 100}{number}" for number in range(60_000)]

    async def talk(asking: Asking) -> None:
        answers = await asking.all_of(
            asking.ask(shop.bot_id, *nobodies, client_id), asking.ask(shop.bot_id, *nobodies[:10], client_id)
        )
        assert points(answers) == [[5], [5]]
        # More than a way takes comes alone.
        assert [weight for weight, _ in asking.noted.batches] == [60_002, 12]

    run(talk)


def test_beyond_a_full_queue_a_question_is_refused_at_once(far: Installation, shop: Shop) -> None:
    client_id = shop.client(5)

    async def talk(asking: Asking) -> None:
        answers = [asking.ask(shop.bot_id, client_id) for _ in range(3)]
        with pytest.raises(StoreUnavailable, match="too much is waiting"):
            asking.ask(shop.bot_id, client_id)
        assert points(await asking.all_of(*answers)) == [[5]] * 3
        # Larger than the queue, but it comes alone.
        assert points(await asking.all_of(asking.ask(shop.bot_id, client_id, *"abcdefg"))) == [[5]]

    with running(far, most_waiting=6) as run:
        run(talk)


def test_who_waits_no_more_is_passed_over(run: Run, shop: Shop) -> None:
    client_id = shop.client(5)

    async def talk(asking: Asking) -> None:
        gone, staying, late = (asking.ask(shop.bot_id, client_id, sender=sender) for sender in "abc")
        gone.cancel()
        await asyncio.sleep(0)
        late.cancel()
        assert points(await asking.all_of(staying)) == [[5]]
        alone = asking.ask(shop.bot_id, client_id)
        alone.cancel()
        await asyncio.sleep(0)
        assert points(await asking.all_of(asking.ask(shop.bot_id, client_id))) == [[5]]
        assert [senders for _, senders in asking.noted.batches] == [["b", "c"], [None]]

    run(talk)


def test_an_old_connection_is_given_back_for_another(run: Run, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    client_id = shop.client(5)

    async def talk(asking: Asking) -> None:
        for _ in range(3):
            assert points(await asking.all_of(asking.ask(shop.bot_id, client_id))) == [[5]]
        kept = asking.reader._way._line
        monkeypatch.setattr(way, "KEPT_SECONDS", -1.0)
        asking.reader._way._line_until = -1.0
        for _ in range(3):
            assert points(await asking.all_of(asking.ask(shop.bot_id, client_id))) == [[5]]
        assert asking.reader._way._line is not kept
        await eventually(lambda: asking.pool().available == asking.pool().size - 1)

    run(talk)


def test_a_reader_that_closes_answers_what_it_took_takes_no_more_and_gives_its_connection_back(
    run: Run, back_door: BackDoor, shop: Shop, clock: ManualClock
) -> None:
    client_id = shop.client(5)
    shop.grant(client_id, 7, expires_at=START + DAY)

    async def talk(asking: Asking) -> None:
        clock.time = START + DAY
        with held(back_door):
            first = asking.ask(shop.bot_id, client_id)
            await eventually(lambda: bool(back_door.rows(WAITING)))
            second = asking.ask(shop.bot_id, client_id)
            await asyncio.sleep(0)
            closing = asyncio.create_task(asking.close())
            await eventually(lambda: asking.reader._closing)
            with pytest.raises(StoreUnavailable, match="stopping"):
                asking.ask(shop.bot_id, client_id)
            assert not closing.done()
        assert points(await asking.all_of(first, second)) == [[5], [5]]
        await closing
        await eventually(lambda: asking.pool().available == asking.pool().size)

    run(talk)
