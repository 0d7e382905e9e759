"""Importing: what the dry run says is done, once, however often it is run or stopped, and can be taken back."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import islice

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remora.clock import Clock
from remora.errors import ImportUndone, NoSuchBot, NoSuchImport
from remora.ledger.commands import Grant, Hold, Reverse, Spend
from remora.model import MAX_POINTS, Platform
from remora.service import bots, clients, imports, tidy, undoing, verify
from remora.service.export import export
from remora.service.installation import Installation
from tests.cast import DAY, SECOND, START, ManualClock, Shop, open_shop
from tests.importing import balances, check, dates, import_id, rows, run, told, undo
from tests.wallet import Wallet

Make = Callable[[Clock], AbstractContextManager[Installation]]


def test_clients_are_made_and_granted_their_opening_points(shop: Shop) -> None:
    there = shop.client(7, platform_client_id="there")
    file = rows(
        "line,new,,100,,Welcome,",
        'whatsapp,886,broughtAlong,5,,,"{""tier"": ""gold""}"',
        "line,there,,20,,,",
        "facebook,poor,,0,,,",
        "line,there2,,,,,",
    )
    assert told(check(shop, file)) == [
        (2, "new", 100, None),
        (3, "new", 5, None),
        (4, "grant", 20, None),
        (5, "new", 0, None),
        (6, "new", 0, None),
    ]
    assert balances(shop) == {"line there": 7}, "nothing was written"
    done = run(shop, file)
    assert [each.seq for each in done] == [1, 1, 2, None, None]
    assert done[1].client_id == "broughtAlong"
    assert balances(shop) == {
        "line new": 100,
        "whatsapp 886": 5,
        "line there": 27,
        "facebook poor": 0,
        "line there2": 0,
    }
    [first] = Wallet(shop, done[0].client_id or "").journal()
    assert (first.reason, first.metadata, first.at) == ("Welcome", None, START)
    [second] = Wallet(shop, "broughtAlong").journal()
    assert (second.reason, second.metadata) == ("Opening balance", {"tier": "gold"})
    assert Wallet(shop, there).journal()[-1].points == 20


def test_the_same_file_again_changes_nothing_even_when_the_keys_are_forgotten(shop: Shop, clock: ManualClock) -> None:
    file = rows("line,U1,,100,,,", "line,U2,,,,,")
    run(shop, file)
    before = list(export(shop.installation, shop.bot_id))
    clock.time += 40 * DAY
    tidy.tidy(shop.installation, shop.bot_id, lambda _: None)
    assert [each.verdict for each in check(shop, file)] == ["unchanged", "exists"]
    assert [each.verdict for each in run(shop, file)] == ["unchanged", "exists"]
    assert list(export(shop.installation, shop.bot_id)) == before
    assert [each.grants for each in imports.every(shop.installation, shop.bot_id)] == [1]


def test_an_import_is_known_by_what_the_file_says_and_not_by_how_it_is_written(shop: Shop, rival: Shop) -> None:
    file = rows("line,U1,,100,,a,", "line,U2,,5,,,")
    same = '\ufeffREASON,Opening Points,platform client id,platform\r\na,100,"U1",line\r\n\r\n,5,U2,line\r\n,,,\r\n'
    assert import_id(shop, same.encode()) == import_id(shop, file)
    assert import_id(rival, file) != import_id(shop, file)
    assert import_id(shop, rows("line,U2,,5,,,", "line,U1,,100,,a,")) != import_id(shop, file)


def test_a_different_file_grants_again_and_says_so_before(shop: Shop) -> None:
    first, second = rows("line,U1,,100,,,"), rows("line,U1,,100,,,", "line,U2,,1,,,")
    run(shop, first)
    note = f"import {import_id(shop, first)} has given this client points before"
    assert told(check(shop, second)) == [(2, "grant", 100, note), (3, "new", 1, None)]
    run(shop, second)
    assert balances(shop) == {"line U1": 200, "line U2": 1}
    undo(shop, first)
    undo(shop, second)
    assert told(check(shop, rows("line,U1,,9,,,"))) == [(2, "grant", 9, None)], "what was taken back is not told of"


def test_rows_that_are_refused_do_not_stop_the_others_and_name_their_line(shop: Shop) -> None:
    theirs = shop.client(platform_client_id="U9", client_id="taken")
    full = shop.client(MAX_POINTS - 1, platform_client_id="full")
    file = rows(
        "line,U1,taken,1,,,",
        "line,U9,other,1,,,",
        "line,full,,1,,,",
        "line,U1,,1,1999-01-01,,",
        "line,U2,,3,,,",
        "line,U2,,4,,,",
        "line,U3,mine,1,,,",
        "line,U4,mine,1,,,",
        'line,"U5\n",,1,,,',
        "telegram,U6,no spaces,-1,tomorrow,,[]",
        "line,U7,,1,,,,,extra",
        ",,,5,,,",
    )
    expected = [
        (2, "refused", 1, "the clientId taken is another client's already"),
        (3, "refused", 1, f"line U9 is client {theirs} already"),
        (4, "grant", 1, None),
        (5, "refused", 1, "line 2 is about the same client"),
        (6, "new", 3, None),
        (7, "refused", 4, "line 6 is about the same client"),
        (8, "new", 1, None),
        (9, "refused", 1, "line 8 brings the same clientId"),
        (10, "refused", 0, "platformClientId must not hold control characters or broken Unicode"),
    ]
    dry = told(check(shop, file))
    assert dry[:9] == expected
    line, verdict, _, why = dry[9]
    assert (line, verdict) == (12, "refused")
    for word in ("platform must be", "'telegram'", "clientId must be", "points must be", "expiresAt must", "metadata"):
        assert word in (why or "")
    assert dry[10:] == [
        (13, "refused", 0, "the row has 2 cells more than the header"),
        (14, "refused", 0, "platform is required; platformClientId is required"),
    ]
    assert told(run(shop, file)) == dry
    assert balances(shop) == {"line U9": 0, "line full": MAX_POINTS, "line U2": 3, "line U3": 1}
    assert Wallet(shop, full).kinds() == [("grant", MAX_POINTS - 1), ("grant", 1)]
    over = rows("line,full,,1,,,")
    assert [each.verdict for each in check(shop, over)] == ["refused"]
    assert told(run(shop, over)) == told(check(shop, over))
    Wallet(shop, full).do(Spend(5))
    assert [each.verdict for each in run(shop, over)] == ["grant"], "what was refused is tried again"


def test_an_expiry_is_an_instant_or_the_last_day_in_the_bots_zone_or_the_bots_policy(
    installation: Installation, shop: Shop
) -> None:
    bots.update(installation, shop.bot_id, time_zone="Asia/Taipei", expiry_policy="days:10")
    ids = [f"client{number}" for number in range(3)]
    given_dates = ("2027-12-31", "2027-12-31T23:59:59.5+01:00", "")
    run(shop, rows(*(f"line,U{n},{ids[n]},1,{given_dates[n]},," for n in range(3))))
    midnight_in_taipei = 1_830_268_800 * SECOND
    assert [dates(shop, client_id) for client_id in ids] == [
        [midnight_in_taipei],
        [midnight_in_taipei + 6 * 3600 * SECOND + 59 * 60 * SECOND + 59 * SECOND + SECOND // 2],
        [START + 10 * DAY],
    ]


def test_an_undone_import_takes_back_what_is_left_and_tells_what_was_lacking(shop: Shop) -> None:
    file = rows(*(f"line,U{number},client{number},100,,," for number in range(6)))
    run(shop, file)
    wallets = [Wallet(shop, f"client{number}") for number in range(6)]
    wallets[1].do(Spend(70))
    wallets[2].do(Spend(100))
    wallets[3].do(Reverse(1, 40))
    wallets[4].do(Reverse(1))
    wallets[5].do(Hold(10))
    wallets[0].do(Grant(5))
    undone = undo(shop, file)
    assert [(each.row.line, each.row.taken, each.row.lacking) for each in undone] == [
        (2, 100, 0),
        (3, 30, 70),
        (4, 0, 100),
        (5, 60, 0),
        (6, 0, 0),
        (7, 90, 10),
    ]
    assert [wallet.available for wallet in wallets] == [5, 0, 0, 0, 0, 0]
    before = list(export(shop.installation, shop.bot_id))
    wallets[2].do(Reverse(2))
    after = list(export(shop.installation, shop.bot_id))
    assert undo(shop, file) == undone, "undoing again tells the same"
    assert list(export(shop.installation, shop.bot_id)) == after != before
    [known] = imports.every(shop.installation, shop.bot_id)
    assert (imports.state(known), known.taken, known.lacking) == ("undone", 280, 180)
    for verb in (check, run):
        with pytest.raises(ImportUndone, match="not imported again"):
            verb(shop, file)


def test_an_import_is_its_bots_own(installation: Installation, shop: Shop, rival: Shop) -> None:
    file = rows("line,U1,,100,,,")
    run(shop, file)
    run(rival, file)
    with pytest.raises(NoSuchImport):
        list(undoing.undo(installation, rival.bot_id, import_id(shop, file)))
    undo(shop, file)
    assert (balances(shop), balances(rival)) == ({"line U1": 0}, {"line U1": 100})
    with pytest.raises(NoSuchBot):
        imports.read(installation, "nobody", io.BytesIO(file))
    with pytest.raises(NoSuchBot):
        imports.every(installation, "nobody")


def test_ids_that_the_file_brings_along_later_are_kept_free(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "BATCH", 2)
    others = open_shop(shop.installation, "another")
    next_ids = [client.client_id for client in clients.register(shop.installation, others.bot_id, Platform.LINE, "abc")]
    file = rows("line,U1,,1,,,", "line,U2,,1,,,", f"line,U3,{next_ids[0]},1,,,", f"line,U4,{next_ids[2]},1,,,")
    dry = told(check(shop, file))
    assert told(run(shop, file)) == dry
    assert {each[1] for each in dry} == {"new"}
    assert Wallet(shop, next_ids[2]).available == 1


def test_a_files_name_may_be_anything(shop: Shop) -> None:
    run(shop, rows("line,U1,,,,,"), "\udcff\0\x1b[31m空.csv" + "x" * 300)
    [known] = imports.every(shop.installation, shop.bot_id)
    assert known.name == ("???[31m空.csv" + "x" * 300)[:200]


def test_a_file_of_several_batches_is_one_import(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "BATCH", 3)
    monkeypatch.setattr(undoing, "BATCH", 2)
    file = rows(*(f"line,U{number},,{number},,," for number in range(10)))
    seen: list[int] = []
    with imports.read(shop.installation, shop.bot_id, io.BytesIO(file), seen.append) as draft:
        assert (sum(seen), draft.count) == (len(file), 10)
        seen.clear()
        assert len(list(imports.run(shop.installation, draft, "f.csv", seen.append))) == 10
    assert seen == [3, 3, 3, 1]
    [known] = imports.every(shop.installation, shop.bot_id)
    assert (known.row_count, known.clients_made, known.grants, known.points) == (10, 10, 9, 45)
    assert len(undo(shop, file)) == 9
    assert sum(balances(shop).values()) == 0


_ids = st.sampled_from(["U1", "U2", "U3", "U4", "+886", "'-5", "空"])
_own = st.sampled_from(["", "", "", "one", "two", "-three", "no space s"])
_points = st.sampled_from(["", "0", "1", "7", "1000", str(MAX_POINTS // 4), "x", "-1"])
_expiry = st.sampled_from(["", "", "", "2030-01-01", "1999-01-01", "2030-01-01T00:00:00Z", "soon"])
_row = st.tuples(st.sampled_from(["line", "Facebook", "mail"]), _ids, _own, _points, _expiry).map(
    lambda cells: ",".join([*cells, "", ""])
)
files = st.lists(_row, min_size=1, max_size=9).map(lambda lines: rows(*lines))
ANY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def opened(installation: Installation) -> Shop:
    """A shop with a client of each kind that a file may meet."""
    shop = open_shop(installation, "teaShop01")
    shop.client(9, platform_client_id="U1", client_id="one")
    shop.client(MAX_POINTS - 10, platform_client_id="U2")
    return shop


@ANY
@given(file=files, other=files, stop_after=st.integers(0, 8))
def test_any_file(
    make_installation: Make, monkeypatch: pytest.MonkeyPatch, file: bytes, other: bytes, stop_after: int
) -> None:
    monkeypatch.setattr(imports, "BATCH", 2)
    with make_installation(ManualClock()) as once:
        shop = opened(once)
        run(shop, other)
        before = balances(shop)
        dry = told(check(shop, file))
        if other != file:
            assert balances(shop) == before
        assert told(run(shop, file)) == dry, "the dry run says what is done"
        journal = list(export(once, shop.bot_id))
        again = run(shop, file)
        assert list(export(once, shop.bot_id)) == journal, "twice is once"
        assert {each.verdict for each in again} <= {"unchanged", "exists", "refused"}
        after = balances(shop)
        if other != file:
            undo(shop, file)
            left = balances(shop)
            assert {name: left[name] for name in before} == before, "undone is as before"
            assert not any(left[name] for name in left.keys() - before.keys())
        assert list(verify.verify(once, shop.bot_id, lambda _: None)) == []
    with make_installation(ManualClock()) as stopped:
        shop = opened(stopped)
        run(shop, other)
        with imports.read(stopped, shop.bot_id, io.BytesIO(file)) as draft:
            list(islice(imports.run(stopped, draft, "f.csv"), stop_after))
        run(shop, file)
        assert balances(shop) == after, "stopped and run again is once"
        assert list(export(stopped, shop.bot_id)) == journal
