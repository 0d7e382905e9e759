"""Importing in the console: looked at first, carried out once, gone on with, and undone; and nobody else's file."""

from __future__ import annotations

import re
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from remora.ledger.commands import Spend
from remora.service import import_desk as desk
from remora.service import imports, tasks, uploads
from remora.storage import import_tasks
from tests.cast import SECOND, START, ManualClock, Shop
from tests.eventually import until
from tests.importing import ADMIN, balances, carry_out, imported, looked_at, rows, run, stopping_after
from tests.wallet import Wallet
from tests.web.console.importer import GOOD, MIXED, confirm, send, settled, text
from tests.web.console.visitor import Visitor, bot_path, client_path, hidden


def test_a_file_is_looked_at_confirmed_imported_and_undone(mei: Visitor, shop: Shop) -> None:
    path, page = settled(mei, send(mei, shop, GOOD))
    assert "Nothing has been imported yet" in text(page)
    assert "New clients 2" in text(page)
    assert "Points 120" in text(page)
    assert balances(shop) == {}
    path, page = confirm(mei, path)
    assert "The file was imported. State done" in text(page)
    assert balances(shop) == {"line U1": 100, "facebook F1": 20}
    [entry] = Wallet(shop, "one").journal()
    assert (entry.operator, entry.reason) == ("staff", "Welcome")
    listed = text(mei.page(f"{bot_path(shop)}/imports"))
    assert "clients.csv done 2027-01-15 08:00:00 staff 2 2 120" in listed
    assert "Uploaded, and not imported" not in listed
    Wallet(shop, "one").do(Spend(30))
    assert "what is left of its points is taken back" in text(mei.page(f"{path}/undo"))
    assert balances(shop) == {"line U1": 70, "facebook F1": 20}, "a page changes nothing"
    path, page = settled(mei, mei.fill_in(f"{path}/undo"))
    assert "90 points were taken back. The clients stay. 30 points could not be taken back" in text(page)
    assert "line 2 one 100 70 30" in text(page)
    assert balances(shop) == {"line U1": 0, "facebook F1": 0}
    assert Wallet(shop, "one").journal()[-1].operator == "staff"
    report = mei.get(f"{path}/undo/report")
    assert report.headers["content-disposition"] == f'attachment; filename="{path[-16:]}.undo.csv"'
    assert '2,line,U1,one,one-1,100,70,30,"30 were used, are held or have expired"' in report.text
    _, page = settled(mei, send(mei, shop, GOOD))
    assert "imported before, and undone" in text(page)


def test_rows_that_are_wrong_come_first_with_line_and_reason_and_the_report_has_every_row(
    mei: Visitor, shop: Shop
) -> None:
    path, page = settled(mei, send(mei, shop, MIXED))
    told = text(page)
    assert "Refused 2" in told
    assert told.index("line 3 telegram U2") < told.index("line 4 LINE U3") < told.index("line 2 new LINE U1")
    assert "platform must be one of line, facebook, instagram, liveChat, whatsapp, not 'telegram'" in told
    report = mei.get(f"{path}/report")
    assert report.headers["content-type"] == "text/csv; charset=utf-8"
    assert report.text.startswith("\ufeffline,verdict,platform,platformClientId,clientId,points,entryId,detail\r\n")
    assert [line.split(",")[1] for line in report.text.splitlines()[1:]] == ["new", "refused", "refused"]
    path, page = confirm(mei, path)
    assert "Rows that were refused: 2." in text(page)
    assert "line 3 telegram U2" in text(page)
    assert "2,new,line,U1,one,100,one-1," in mei.get(f"{path}/report").text
    assert balances(shop) == {"line U1": 100}


def test_the_same_file_again_changes_nothing_and_says_so(mei: Visitor, shop: Shop) -> None:
    first, _ = confirm(mei, settled(mei, send(mei, shop, GOOD))[0])
    journal = Wallet(shop, "one").journal()
    path, page = settled(mei, send(mei, shop, GOOD.replace(b"\n", b"\r\n"), name="again.csv"))
    assert "there is nothing to import" in text(page)
    assert f'href="{first}"' in page
    assert 'value="confirm"' not in page
    assert settled(mei, mei.fill_in(path, step="confirm"))[0] == first, "it is known by what it says"
    assert Wallet(shop, "one").journal() == journal


def test_a_look_that_is_out_of_date_leads_to_the_import(mei: Visitor, shop: Shop, clock: ManualClock) -> None:
    out_of_date = f"{bot_path(shop)}/imports/files/{looked_at(shop, GOOD)}"
    assert "Nothing has been imported yet" in text(mei.page(out_of_date))
    clock.time += SECOND
    path = f"{bot_path(shop)}/imports/{imported(shop, GOOD)}"
    assert mei.get(out_of_date).headers["location"] == path


def test_confirmed_twice_is_imported_once_and_shows_the_same(mei: Visitor, shop: Shop) -> None:
    path, _ = settled(mei, send(mei, shop, GOOD))
    form = hidden(mei.page(path)) | {"step": "confirm"}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: mei.send(path, form), range(4)))
    assert len({answer.headers["location"] for answer in answers}) == 1
    where, _ = settled(mei, answers[0])
    upload_id = path.rpartition("/")[2]
    until(lambda: not uploads.is_there(shop.installation, shop.bot_id, upload_id))
    with shop.installation.database.write() as tx:  # as if the server had died before it forgot the file
        import_tasks.add_piece(tx, shop.bot_id, upload_id, import_tasks.FILE, 1, zlib.compress(GOOD))
    assert settled(mei, mei.send(path, form))[0] == where, "and later too, as it was"
    assert "2,new,line,U1,one,100,one-1," in mei.get(f"{where}/report").text
    assert balances(shop) == {"line U1": 100, "facebook F1": 20}


def test_a_viewer_sees_what_was_imported_and_changes_nothing(
    signed_in: Callable[[str], Visitor], shop: Shop, rival: Shop
) -> None:
    viewer = signed_in("viewer")
    import_id, upload = imported(shop, GOOD), looked_at(shop, MIXED, "mixed.csv")
    page = viewer.page(f"{bot_path(shop)}/imports")
    assert import_id in page
    assert 'type="file"' not in page
    assert "mixed.csv" not in page
    assert send(viewer, shop, MIXED).status_code == 403
    shown = viewer.page(f"{bot_path(shop)}/imports/{import_id}")
    assert "/undo" not in shown
    for path in (f"files/{upload}", f"{import_id}", f"{import_id}/undo"):
        form = hidden(page) | {"step": "confirm"}
        assert viewer.send(f"{bot_path(shop)}/imports/{path}", form).status_code == 403
    staff = signed_in("staff")
    for path in (imported(rival, GOOD), f"files/{looked_at(rival, GOOD)}"):
        assert staff.get(f"{bot_path(rival)}/imports/{path}").status_code == 404
        assert staff.get(f"{bot_path(shop)}/imports/{path}").status_code == (200 if path == import_id else 404)
    assert staff.http.post(
        f"{bot_path(rival)}/imports", data=hidden(page), files={"file": ("f.csv", MIXED)}
    ).status_code in (403, 404)
    assert balances(shop) == balances(rival) == {"line U1": 100, "facebook F1": 20}


def test_no_such_import_and_no_such_upload_are_pages(mei: Visitor, shop: Shop) -> None:
    for name in ("nothing", "%00", "%ff", "x" * 300, "..%2f"):
        for path in (f"{name}", f"{name}/undo", f"{name}/report", f"files/{name}", f"files/{name}/report"):
            assert mei.get(f"{bot_path(shop)}/imports/{path}").status_code == 404, path
    form = hidden(mei.page(f"{bot_path(shop)}/imports"))
    for path in ("nothing", "nothing/undo", "files/nothing", "%00", "files/%00", "%00/undo"):
        assert mei.send(f"{bot_path(shop)}/imports/{path}", form).status_code == 404, path
    for number in ("0", "-1", "x", "9" * 30):
        assert "Nothing was imported yet." in mei.page(f"{bot_path(shop)}/imports?page={number}")


def test_an_import_that_was_stopped_is_finished_by_continuing(
    mei: Visitor, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "BATCH", 2)
    monkeypatch.setattr(tasks, "PIECE_BYTES", 1)
    file = rows(*(f"line,U{number},own{number},10,,," for number in range(9)))
    # While it reads it is asked for each row, and then after each batch.
    import_id = imported(shop, file, stopping_after(10 + 2))
    assert 0 < len(balances(shop)) < 9
    path = f"{bot_path(shop)}/imports/{import_id}"
    assert "stopped" in text(mei.page(f"{bot_path(shop)}/imports"))
    assert "The import is not finished, and nobody is at it" in text(mei.page(path))
    assert mei.get(f"{path}/report").status_code == 404, "half a report is none"
    _, page = settled(mei, mei.fill_in(path))
    assert "The file was imported." in text(page)
    assert balances(shop) == {f"line U{number}": 10 for number in range(9)}
    assert [line.split(",")[1] for line in mei.get(f"{path}/report").text.splitlines()[1:]] == [
        *["unchanged"] * 6,
        *["new"] * 3,
    ]
    assert settled(mei, mei.fill_in(path))[0] == path, "once more changes nothing"
    assert sum(balances(shop).values()) == 90


def test_an_undoing_that_was_stopped_is_finished_by_continuing(
    mei: Visitor, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from remora.service import undoing  # noqa: PLC0415 (of this test alone)

    monkeypatch.setattr(undoing, "BATCH", 2)
    import_id = imported(shop, rows(*(f"line,U{number},own{number},10,,," for number in range(5))))
    task = desk.undo(shop.installation, ADMIN, shop.bot_id, import_id)
    carry_out(shop, task, stopping_after(0))
    path = f"{bot_path(shop)}/imports/{import_id}"
    assert "The undoing is not finished" in text(mei.page(path))
    _, page = settled(mei, mei.fill_in(f"{path}/undo", page=path))
    assert "50 points were taken back" in text(page)
    assert set(balances(shop).values()) == {0}


def test_one_that_was_not_heard_of_for_a_minute_can_be_gone_on_with(
    mei: Visitor, shop: Shop, clock: ManualClock
) -> None:
    upload = looked_at(shop, GOOD)
    import_id, lost = desk.confirm(shop.installation, ADMIN, shop.bot_id, upload)
    path = f"{bot_path(shop)}/imports/{import_id}"
    assert "data-refresh" in mei.page(path)
    assert "starting" in text(mei.page(f"{bot_path(shop)}/imports"))
    assert mei.send(path, hidden(mei.page("/console/bots"))).status_code == 303, (
        "somebody is at it, so nothing is begun"
    )
    assert balances(shop) == {}
    clock.time = START + 61 * SECOND
    settled(mei, mei.fill_in(path))
    assert balances(shop) == {"line U1": 100, "facebook F1": 20}
    carry_out(shop, lost)
    assert balances(shop) == {"line U1": 100, "facebook F1": 20}, "whoever has lost the task leaves it"
    assert "The file was imported." in text(mei.page(path))
    assert "2,new,line,U1,one,100,one-1," in mei.get(f"{path}/report").text, "and what was told of it stays"


def test_two_processes_at_one_import_do_it_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "BATCH", 2)
    file = rows(*(f"line,U{number},,10,,," for number in range(12)))
    with ThreadPoolExecutor(2) as pool:
        started = threading.Barrier(2)

        def work(_: int) -> None:
            started.wait()
            run(shop, file)

        list(pool.map(work, range(2)))
    assert sum(balances(shop).values()) == 120
    [known] = imports.every(shop.installation, shop.bot_id)
    assert (known.grants, known.points, known.clients_made) == (12, 120, 12)


def test_what_the_shell_has_imported_is_listed_and_can_be_undone(mei: Visitor, shop: Shop) -> None:
    run(shop, GOOD, "from the shell.csv")
    listed = mei.page(f"{bot_path(shop)}/imports")
    assert "from the shell.csv done 2027-01-15 08:00:00 shell 2 2 120" in text(listed)
    [path] = set(re.findall(r'href="(/console/bots/\w+/imports/[0-9a-f]{16})"', listed))
    assert "What came of each row is not kept" in text(mei.page(path))
    settled(mei, mei.fill_in(f"{path}/undo"))
    assert set(balances(shop).values()) == {0}


def test_a_long_list_has_pages(mei: Visitor, shop: Shop) -> None:
    for number in range(26):
        run(shop, rows(f"line,U1,,{number + 1},,,"), f"{number}.csv")
    path = f"{bot_path(shop)}/imports"
    first = mei.page(path)
    second = mei.page(f"{path}?page=2")
    assert first.count(".csv</bdi>") == 25
    assert second.count(".csv</bdi>") == 1
    assert 'href="?page=2"' in first
    assert f'href="{path}">Newest' in second


def test_the_client_page_tells_who_imported(mei: Visitor, shop: Shop) -> None:
    confirm(mei, settled(mei, send(mei, shop, GOOD))[0])
    assert "Welcome staff" in text(mei.page(client_path(shop, "one")))
