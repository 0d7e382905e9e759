"""Uploads: taken from a page of the session, within the bound, kept whole, forgotten in time; never a script."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable

import pytest
from msgspec.structs import replace
from starlette.types import Message

from remora.errors import BodyTooLarge
from remora.service import tidy, uploads
from remora.service.installation import Installation
from remora.settings import MIB, Settings
from remora.storage import import_tasks
from remora.web.console import forms
from remora.web.console import uploads as reading
from tests.backdoor import BackDoor
from tests.cast import DAY, SECOND, START, Api, ManualClock, Shop
from tests.eventually import until
from tests.importing import ADMIN, balances, imported, looked_at, rows, stopping_after
from tests.web.console.importer import GOOD, MIXED, confirm, send, settled, signed_in_again, text
from tests.web.console.visitor import Visitor, bot_path, hidden

LARGE = rows(*(f"line,U{number},,1,,{number * 7919:0400d}," for number in range(2_000)))
SCOPE = {"headers": [(b"content-type", b"multipart/form-data; boundary=b")]}
SCRIPT = "<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (b"", "the file is empty; its first row must name the columns"),
        (b"\xff\xfep\0l\0", "line 1 is UTF-16: save the file as CSV in UTF-8"),
        (rows("line,U1,,5,,,").replace(b"U1", b"U\xe91"), "line 2 is not UTF-8, from byte 7 on"),
        (b"PK\x03\x04\0\0rubbish", "line 1 holds the character NUL: save the file as CSV in UTF-8"),
        (rows('line,"U1,,5,,,'), "line 2 is not CSV"),
        (b"platform,points\nline,5\n", "line 1 must name the columns; lacking are platformClientId"),
        (b"platform,platformClientId,colour\n", "line 1 names columns that are unknown: 'colour'"),
        (rows(), "the file has no rows, only a header"),
    ],
)
def test_what_cannot_be_read_is_refused_as_a_whole_with_the_line(
    mei: Visitor, shop: Shop, file: bytes, why: str
) -> None:
    path, page = settled(mei, send(mei, shop, file))
    assert "This file cannot be imported, and nothing of it was." in text(page)
    assert why in text(page)
    assert 'value="confirm"' not in page
    assert mei.fill_in(path, step="confirm").status_code == 404
    assert mei.get(f"{path}/report").status_code == 404


def test_a_form_without_a_file_says_so_beside_the_field(mei: Visitor, shop: Shop) -> None:
    path = f"{bot_path(shop)}/imports"
    secret = hidden(mei.page(path))["csrf"]
    body = (
        f'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{secret}\r\n'
        '--b\r\nContent-Disposition: form-data; name="file"; filename=""\r\n'
        "Content-Type: application/octet-stream\r\n\r\n\r\n--b--\r\n"
    )
    answer = mei.http.post(path, content=body, headers={"content-type": "multipart/form-data; boundary=b"})
    assert answer.status_code == 400
    assert "Choose a file." in text(answer.text)


def test_a_file_above_the_bound_is_refused_with_the_bound(
    serve: Callable[[Installation, Settings], Api],
    settings: Settings,
    installation: Installation,
    shop: Shop,
    signed_in: Callable[[str], Visitor],
    back_door: BackDoor,
) -> None:
    visitor = signed_in("staff")
    serve(installation, replace(settings, upload_limit_mib=1))
    for size in (MIB + 1, 2 * MIB):
        answer = send(visitor, shop, b"x" * size)
        assert answer.status_code == 413
        assert "The file has more than 1 MiB and was not taken." in text(answer.text)
    assert back_door.rows("SELECT count(*) FROM import_tasks") == [(0,)]
    just = rows("line,U1,one,5,,,")
    assert send(visitor, shop, just + b"\n" * (MIB - len(just))).status_code == 303


def test_a_form_is_taken_from_a_page_of_the_session_only(
    mei: Visitor, signed_in: Callable[[str], Visitor], shop: Shop, back_door: BackDoor
) -> None:
    path = f"{bot_path(shop)}/imports"
    file = {"file": ("clients.csv", GOOD, "text/csv")}
    others = hidden(signed_in("admin").page(path))
    for data in ({}, {"csrf": ""}, {"csrf": "x" * 64}, others):
        assert mei.http.post(path, data=data, files=file).status_code == 403
    for headers in ({"sec_fetch_site": "cross-site"}, {"origin": "https://evil.example"}):
        assert send(mei, shop, GOOD, **headers).status_code == 403
    assert mei.http.post(path, files={**file, "csrf": (None, hidden(mei.page(path))["csrf"])}).status_code == 403, (
        "the secret has to come before the file, or the file would be taken in first"
    )
    assert mei.send(path, hidden(mei.page(path))).status_code == 400, "a form without a file"
    assert back_door.rows("SELECT count(*) FROM import_tasks") == [(0,)]
    upload = looked_at(shop, GOOD)
    for form in (f"{path}/files/{upload}", f"{path}/{imported(shop, MIXED)}", f"{path}/{imported(shop, MIXED)}/undo"):
        assert mei.send(form, {"csrf": "x", "step": "confirm"}).status_code == 403
    assert balances(shop) == {"line U1": 100}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"rubbish",
        b"--b\r\n",
        b'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\nx',
        b"--b\r\n" + b"X: y\r\n" * 100,
        b"--b\r\n\r\n" + b"x" * 5_000,
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n' * 12 + b"--b--\r\n",
    ],
)
def test_a_broken_form_is_refused(mei: Visitor, shop: Shop, body: bytes) -> None:
    for kind in ("multipart/form-data; boundary=b", "multipart/form-data", "text/csv"):
        answer = mei.http.post(f"{bot_path(shop)}/imports", content=body, headers={"content-type": kind})
        assert answer.status_code in (400, 403)
        assert "request" in answer.text


def test_what_a_file_says_is_never_a_script_nor_a_formula(mei: Visitor, shop: Shop) -> None:
    file = rows(f"line,{SCRIPT},,1,,{SCRIPT},", f"{SCRIPT},U2,{SCRIPT},=1+1,,,", "line,=1+1,,3,,,")
    path, page = settled(mei, send(mei, shop, file, name=f"{SCRIPT}.csv"))
    pages = [page, mei.page(f"{bot_path(shop)}/imports")]
    assert "'=1+1,,3" in mei.get(f"{path}/report").text
    path, page = confirm(mei, path)
    pages += [page, mei.page(f"{bot_path(shop)}/imports"), mei.page(f"{path}/undo")]
    assert ",'=1+1," in mei.get(f"{path}/report").text
    for each in pages:
        assert SCRIPT not in each
        assert "&lt;script&gt;" in each


def test_a_file_is_forgotten_after_a_day_or_when_it_was_imported(
    mei: Visitor, shop: Shop, clock: ManualClock, back_door: BackDoor
) -> None:
    confirm(mei, settled(mei, send(mei, shop, GOOD))[0])
    kinds = "SELECT DISTINCT kind FROM import_pieces ORDER BY kind"
    until(lambda: back_door.rows(kinds) == [("look",), ("run",)])
    path, _ = settled(mei, send(mei, shop, MIXED))
    form = hidden(mei.page(path)) | {"step": "confirm"}
    clock.time = START + DAY + SECOND
    assert tidy.work(shop.installation, shop.bot_id) > 0
    tidy.tidy(shop.installation, shop.bot_id, lambda _: None)
    assert tidy.work(shop.installation, shop.bot_id) == 0
    assert back_door.rows(kinds) == [("run",)]
    new = signed_in_again(mei)
    answer = new.get(path)
    assert answer.status_code == 404
    assert "Upload the file again" in text(answer.text)
    form["csrf"] = hidden(new.page("/console/bots"))["csrf"]
    assert new.send(path, form).status_code == 404
    clock.time = START + 31 * DAY
    tidy.tidy(shop.installation, shop.bot_id, lambda _: None)
    assert back_door.rows("SELECT count(*) FROM import_tasks") == [(0,)]
    assert back_door.rows("SELECT count(*) FROM import_pieces") == [(0,)]


def test_a_stopped_import_whose_file_is_forgotten_asks_for_it_again(
    mei: Visitor, shop: Shop, clock: ManualClock
) -> None:
    import_id = imported(shop, GOOD, stopping_after(3))
    clock.time = START + DAY + SECOND
    uploads.forget_old(shop.installation, shop.bot_id)
    new = signed_in_again(mei)
    path = f"{bot_path(shop)}/imports/{import_id}"
    assert "upload the same file again" in text(new.page(path))
    form = hidden(new.page(path))
    assert new.send(path, form).status_code == 404
    assert confirm(new, settled(new, send(new, shop, GOOD))[0])[0] == path
    assert balances(shop) == {"line U1": 100, "facebook F1": 20}


def test_a_large_file_is_kept_in_pieces_and_comes_back_whole(shop: Shop, back_door: BackDoor) -> None:
    upload = looked_at(shop, LARGE)
    [[pieces]] = back_door.rows("SELECT count(*) FROM import_pieces WHERE kind = 'file'")
    assert pieces == -(-len(LARGE) // uploads.PIECE_BYTES) > 2
    with uploads.content(shop.installation, shop.bot_id, upload, "file") as kept:
        assert kept.read() == LARGE


def test_an_upload_that_was_broken_off_is_none(mei: Visitor, shop: Shop) -> None:
    class Broken(io.BytesIO):
        def read(self, _: int | None = -1, /) -> bytes:
            if self.tell():
                raise OSError("the disk is gone")
            return super().read(uploads.PIECE_BYTES)

    with pytest.raises(OSError, match="the disk is gone"):
        uploads.keep(shop.installation, ADMIN, shop.bot_id, "half.csv", Broken(LARGE))
    assert "half.csv" not in mei.page(f"{bot_path(shop)}/imports")
    with shop.installation.database.read() as tx:
        [half] = import_tasks.every(tx, shop.bot_id)
    path = f"{bot_path(shop)}/imports/files/{half.subject}"
    assert mei.get(path).status_code == 404
    for step in ("again", "confirm"):
        assert mei.send(path, hidden(mei.page("/console/bots")) | {"step": step}).status_code == 404


def test_what_is_left_of_a_file_is_not_taken_for_the_file(mei: Visitor, shop: Shop, back_door: BackDoor) -> None:
    path = f"{bot_path(shop)}/imports/files/{looked_at(shop, LARGE)}"
    assert back_door.run("DELETE FROM import_pieces WHERE kind = 'file' AND number = 2") == 1
    _, page = confirm(mei, path)
    assert "The file is forgotten. Upload it again." in text(page)
    assert balances(shop) == {}


def test_a_form_that_goes_on_behind_its_end_is_too_large() -> None:
    token, pieces = "a session's token", 0

    async def receive() -> Message:
        nonlocal pieces
        pieces += 1
        body = _head(token) + b"\r\n--b--\r\n" if pieces == 1 else b"x" * MIB
        return {"type": "http.request", "body": body, "more_body": True}

    with pytest.raises(BodyTooLarge):
        asyncio.run(reading.read(SCOPE, receive, token, MIB))
    assert pieces < 10


@pytest.mark.parametrize(("size", "taken"), [(3 * MIB // 2, 3 * MIB // 2), (99 * MIB, 2 * MIB)])
def test_of_what_is_too_large_so_much_more_is_read_that_a_browser_shows_the_answer_and_no_more(
    size: int, taken: int
) -> None:
    token, step = "a session's token", 64 * 1024
    received = 0

    async def receive() -> Message:
        nonlocal received
        piece = b"x" * step if received else _head(token)
        received += len(piece)
        return {"type": "http.request", "body": piece, "more_body": received < size}

    with pytest.raises(BodyTooLarge):
        asyncio.run(reading.read(SCOPE, receive, token, MIB))
    assert taken <= received <= taken + 4 * step


def _head(token: str) -> bytes:
    """How a form with a file begins."""
    return (
        f'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{forms.secret_of(token)}\r\n'
        '--b\r\nContent-Disposition: form-data; name="file"; filename="f.csv"\r\n\r\n'
    ).encode()
