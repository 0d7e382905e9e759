"""A real Chromium: a file is imported and undone by a person, with a script and without, and an export is saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from playwright.sync_api import Page, expect

from remora.ledger.commands import Spend
from remora.service import import_desk
from remora.service.installation import Installation
from remora.settings import MIB, Settings
from tests.cast import Api, Shop
from tests.importing import ADMIN, balances, carry_out, looked_at, rows
from tests.wallet import Wallet
from tests.web.console.chromium import NEEDED, assert_accessible, sign_in
from tests.web.console.visitor import bot_path

pytestmark = NEEDED

FILE = rows("line,U1,one,100,,Welcome,", "telegram,U2,,5,,,", "facebook,F1,two,20,,,")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with a row that is wrong, under a name that people give."""
    path = tmp_path / "顧客 & <b>clients.csv"
    path.write_bytes(FILE)
    return path


def test_a_person_imports_a_file_with_a_bad_row_and_undoes_it(
    opened: Callable[..., Page], shop: Shop, file: Path
) -> None:
    page = opened(locale="en")
    sign_in(page)
    page.goto(bot_path(shop))
    page.get_by_role("link", name="Import", exact=True).click()
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Look at the file").dblclick()
    expect(page.get_by_role("heading", level=1)).to_have_text(file.name)
    expect(page.get_by_role("status")).to_contain_text("Nothing has been imported yet")
    bad = page.get_by_role("region", name="Rows that are refused").get_by_role("row", name="line 3")
    expect(bad).to_contain_text("platform must be one of")
    assert balances(shop) == {}
    with page.expect_download() as given:
        page.get_by_role("link", name="Report of every row").click()
    assert b"3,refused,telegram,U2," in given.value.path().read_bytes()
    page.get_by_role("button", name="Import: grant 120 points").dblclick()
    expect(page.get_by_role("status")).to_have_text("The file was imported. Rows that were refused: 1.")
    assert balances(shop) == {"line U1": 100, "facebook F1": 20}
    Wallet(shop, "one").do(Spend(30))
    page.get_by_role("link", name="Undo").click()
    page.get_by_role("button", name="Take the points back").dblclick()
    expect(page.get_by_role("status")).to_contain_text("90 points were taken back")
    expect(page.get_by_role("region", name="could be taken back").get_by_role("row", name="one")).to_contain_text("30")
    with page.expect_download() as given:
        page.get_by_role("link", name="Report of the undoing").click()
    assert given.value.suggested_filename.endswith(".undo.csv")
    page.get_by_role("link", name="To the imports").click()
    expect(page.get_by_role("row", name=file.name)).to_contain_text("undone")


def test_without_a_script_a_file_is_imported_and_undone_too(
    opened: Callable[..., Page], shop: Shop, file: Path
) -> None:
    page = opened(locale="zh-TW", java_script_enabled=False)
    sign_in(page)
    page.goto(f"{bot_path(shop)}/imports")
    page.get_by_label("CSV 檔案").set_input_files(file)
    page.get_by_role("button", name="檢查檔案").click()
    expect(page.get_by_role("status")).to_contain_text("目前尚未匯入任何資料")
    expect(page.get_by_role("region", name="無法匯入的資料").first).to_contain_text("第 3 行")
    page.get_by_role("button", name="確認匯入").click()
    expect(page.get_by_role("status")).to_contain_text("檔案已匯入")
    page.get_by_role("link", name="復原匯入").click()
    page.get_by_role("button", name="確認收回點數").click()
    expect(page.get_by_role("status")).to_contain_text("收回 120 點")
    assert set(balances(shop).values()) == {0}


@pytest.mark.parametrize("with_script", [True, False])
def test_a_page_of_an_import_that_goes_on_renews_itself(
    opened: Callable[..., Page], shop: Shop, *, with_script: bool
) -> None:
    import_id, task = import_desk.confirm(shop.installation, ADMIN, shop.bot_id, looked_at(shop, FILE))
    page = opened(locale="en", java_script_enabled=with_script)
    sign_in(page)
    page.goto(f"{bot_path(shop)}/imports/{import_id}")
    expect(page.get_by_role("progressbar")).to_be_visible()
    if with_script:
        assert_accessible(page)
    carry_out(shop, task)
    expect(page.get_by_role("status")).to_contain_text("The file was imported.")


@pytest.mark.parametrize("with_script", [True, False])
def test_a_file_that_is_too_large_is_told_with_the_bound(
    opened: Callable[..., Page],
    serve: Callable[[Installation, Settings], Api],
    settings: Settings,
    shop: Shop,
    tmp_path: Path,
    *,
    with_script: bool,
) -> None:
    serve(shop.installation, replace(settings, upload_limit_mib=1))
    large = tmp_path / "large.csv"
    large.write_bytes(b"x" * (MIB + MIB // 2))
    page = opened(locale="en", java_script_enabled=with_script)
    sign_in(page)
    page.goto(f"{bot_path(shop)}/imports")
    field = page.get_by_label("CSV file")
    field.set_input_files(large)
    page.get_by_role("button", name="Look at the file").click()
    if with_script:
        told = field.evaluate("(field) => field.validationMessage")
    else:
        told = page.locator("#file-wrong").text_content() or ""
    assert "The file has more than 1 MiB and was not taken." in told


def test_an_export_is_saved_as_a_file(opened: Callable[..., Page], shop: Shop) -> None:
    client_id = shop.client(7)
    page = opened(locale="en")
    sign_in(page)
    page.goto(f"{bot_path(shop)}/exports")
    with page.expect_download() as given:
        page.get_by_role("button", name="CSV").first.click()
    assert given.value.suggested_filename == f"{shop.bot_id}-clients.csv"
    assert f"line,U1,{client_id},7," in given.value.path().read_text("utf-8-sig")
