"""What becomes of look-ups in a far store when one is at fault, the connection dies, or the server does not answer.
See also tests/crash, where the server goes away under load.
"""

from __future__ import annotations

import asyncio

import psycopg

from remora.errors import StoreUnavailable
from remora.service.installation import Installation
from remora.service.lookup import Question, Wanted
from remora.settings import PostgresUrl
from tests.backdoor import BackDoor
from tests.cast import ManualClock, Shop, open_shop
from tests.eventually import SECONDS, until
from tests.servers.postgresql import PostgresServer
from tests.storage.on_postgresql import OTHERS
from tests.web.asking import (
    IMPATIENT_SECONDS,
    WAITING,
    Asking,
    Run,
    eventually,
    far,
    held,
    mortal,
    points,
    run,
    running,
    serving,
    store,
    through,
    url,
)

__all__ = ["far", "mortal", "run", "store", "through", "url"]  # fixtures


def test_a_fault_is_its_own_ones_alone(run: Run, shop: Shop, rival: Shop) -> None:
    ours, theirs = shop.client(5), rival.client(6)
    # No store is asked for such a platform, and PostgreSQL takes no NUL.
    broken = Question("", Wanted(platform="li\0ne", platform_client_ids=["U1"]))  # type: ignore[arg-type]

    async def talk(asking: Asking) -> None:
        for _ in range(2):
            *answers, fault = await asking.all_of(
                asking.ask(rival.bot_id, theirs),
                asking.ask(shop.bot_id, ours),
                asking.ask(shop.bot_id, ours),
                asking.reader.answer_of(shop.bot_id, broken, None),
            )
            assert points(answers) == [[6], [5], [5]]
            assert isinstance(fault, psycopg.DataError)

    run(talk)


def test_a_bot_that_cannot_be_asked_for_now_keeps_no_other_from_its_answer(
    url: PostgresUrl, clock: ManualClock, back_door: BackDoor, shop: Shop, rival: Shop
) -> None:
    """Ours waits in vain for what somebody holds; theirs, which was asked behind it, is asked again."""
    ours, theirs = shop.client(5), rival.client(6)

    async def talk(asking: Asking) -> None:
        with held(back_door):
            refused, about_nobody = await asking.all_of(asking.ask(shop.bot_id, ours), asking.ask(rival.bot_id))
            assert isinstance(refused, StoreUnavailable)
            assert points([about_nobody]) == [[]]
            [alone] = await asking.all_of(asking.ask(shop.bot_id, ours))
            assert isinstance(alone, StoreUnavailable)
        assert points(await asking.all_of(asking.ask(shop.bot_id, ours), asking.ask(rival.bot_id, theirs))) == [
            [5],
            [6],
        ]

    with (
        serving(url, clock, timeout_seconds=IMPATIENT_SECONDS, pool_size=1) as impatient,
        running(impatient, timeout_seconds=IMPATIENT_SECONDS) as run,
    ):
        run(talk)


def test_a_connection_that_dies_is_replaced_and_nobody_is_told(run: Run, back_door: BackDoor, shop: Shop) -> None:
    client_id = shop.client(5)

    def terminate() -> None:
        ended = {pid for pid, _ in back_door.rows(f"SELECT pid, pg_terminate_backend(pid) {OTHERS}")}
        until(lambda: not ended & {pid for (pid,) in back_door.rows(f"SELECT pid {OTHERS}")})

    async def talk(asking: Asking) -> None:
        for _ in range(2):
            assert points(await asking.all_of(asking.ask(shop.bot_id, client_id))) == [[5]]
            await asyncio.to_thread(terminate)
        # Before the loop has seen that it is dead.
        assert points(await asking.all_of(asking.ask(shop.bot_id, client_id))) == [[5]]
        terminate()
        assert points(await asking.all_of(asking.ask(shop.bot_id, client_id))) == [[5]]

    run(talk)


def test_what_is_asked_when_the_connection_dies_is_asked_again(run: Run, back_door: BackDoor, shop: Shop) -> None:
    client_id = shop.client(5)

    async def talk(asking: Asking) -> None:
        with held(back_door):
            answer = asking.ask(shop.bot_id, client_id)
            await eventually(lambda: bool(back_door.rows(WAITING)))
            died = set(back_door.rows(WAITING))
            back_door.rows(f"SELECT pg_terminate_backend(pid) {OTHERS} AND wait_event_type = 'Lock'")
            await eventually(lambda: bool(set(back_door.rows(WAITING)) - died))
        assert points(await asking.all_of(answer)) == [[5]]

    run(talk)


def test_a_server_that_stands_still_is_waited_for_only_so_long_and_asked_again_when_it_goes_on(
    mortal_postgres: PostgresServer, mortal: Installation
) -> None:
    shop = open_shop(mortal, "teaShop01")
    client_id = shop.client(5)

    async def talk(asking: Asking) -> None:
        loop = asyncio.get_running_loop()
        assert points(await asking.all_of(asking.ask(shop.bot_id, client_id))) == [[5]]
        mortal_postgres.pause()
        try:
            since = loop.time()
            first = asking.ask(shop.bot_id, client_id)
            await asyncio.sleep(0)
            refused = await asking.all_of(first, asking.ask(shop.bot_id, client_id))
            assert [type(each) for each in refused] == [StoreUnavailable] * 2
            assert loop.time() - since >= 2 * IMPATIENT_SECONDS
        finally:
            mortal_postgres.resume()
        async with asyncio.timeout(SECONDS):
            while True:
                [answer] = await asking.all_of(asking.ask(shop.bot_id, client_id))
                if not isinstance(answer, StoreUnavailable):
                    break
        assert points([answer]) == [[5]]

    with running(mortal, timeout_seconds=IMPATIENT_SECONDS) as run:
        run(talk)


def test_one_that_is_away_is_told_of_soon_once_that_is_known(
    mortal_postgres: PostgresServer, mortal: Installation
) -> None:
    shop = open_shop(mortal, "teaShop01")
    client_id = shop.client(5)

    async def talk(asking: Asking) -> None:
        assert points(await asking.all_of(asking.ask(shop.bot_id, client_id))) == [[5]]
        await asyncio.to_thread(mortal_postgres.stop, "fast")
        try:
            for _ in range(5):
                refused = await asking.all_of(*(asking.ask(shop.bot_id, client_id) for _ in range(3)))
                assert [type(each) for each in refused] == [StoreUnavailable] * 3
            assert [weight for weight, _ in asking.noted.batches] == [2] + [6] * 5
        finally:
            await asyncio.to_thread(mortal_postgres.start)
        async with asyncio.timeout(SECONDS):
            while isinstance((await asking.all_of(asking.ask(shop.bot_id, client_id)))[0], StoreUnavailable):
                pass

    with running(mortal, timeout_seconds=IMPATIENT_SECONDS) as run:
        run(talk)
