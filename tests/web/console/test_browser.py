"""A real Chromium: what a person does, with a script and without, on a phone, in the dark, in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from remora.ledger.commands import Grant, Hold, Spend
from tests.cast import DAY, START, Shop
from tests.importing import imported, looked_at, rows, stopping_after, undone
from tests.wallet import Wallet
from tests.web.console.chromium import NEEDED, assert_accessible, open_all, overhang, sign_in
from tests.web.console.visitor import PASSWORD, SIGN_IN, bot_path, client_path

pytestmark = NEEDED


@pytest.fixture
def wallet(shop: Shop) -> Wallet:
    """A client with something of everything."""
    wallet = Wallet(shop, shop.client(1_000, platform_client_id="U1c0ffee0000000000000000000000001"))
    wallet.do(Grant(300, START + 400 * DAY, START + 2 * DAY, reason="anniversary", metadata={"order": "A-1"}))
    wallet.do(Grant(50, START + DAY, reason="x" * 300))
    wallet.do(Spend(60, reason="tea"))
    wallet.do(Hold(80))
    return wallet


def every_import(shop: Shop) -> list[str]:
    """The pages of imports, in each state."""
    wrong = [f'line,{"W" * 250}{number},,{number},soon,,"{{{"x" * 300}"' for number in range(3)]
    file = rows("line,I1,,20,,,", "facebook,I2,,5,2030-01-31,,", *wrong)
    began, bad = imported(shop, file), looked_at(shop, b"\xff\xfe")
    paths = [
        *("", f"/files/{looked_at(shop, rows('line,I1,,7,,,', *wrong), 'x' * 200)}", f"/files/{bad}", f"/{began}"),
        *(f"/{began}/undo", f"/{undone(shop, rows('line,I1,,3,,,'))}", "/nothing", "/files/nothing"),
        f"/{imported(shop, rows('line,I1,,9,,,'), stopping_after(0))}",
    ]
    return [f"{bot_path(shop)}/imports{path}" for path in paths]


def every_page(wallet: Wallet) -> list[str]:
    bot, client = bot_path(wallet.shop), client_path(wallet.shop, wallet.client_id)
    return [
        *(
            "/console/bots",
            bot,
            f"{bot}/clients",
            f"{bot}/clients?q=nobody",
            f"{bot}/credentials",
            f"{bot}/exports",
            client,
        ),
        *every_import(wallet.shop),
        *(f"{client}?at=2027-01-17T08:00:00", f"{client}/grant", f"{client}/entries/4/reverse", "/console/nothing"),
    ]


def test_a_person_finds_a_client_grants_points_and_takes_them_back(opened: Callable[..., Page], wallet: Wallet) -> None:
    page = opened(locale="en")
    sign_in(page)
    page.get_by_role("link", name="Find a client").click()
    page.get_by_label("Client id").fill("U1c0ff")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=wallet.client_id).click()
    expect(page.get_by_role("region", name="Balance", exact=True)).to_contain_text("910")
    page.get_by_role("link", name="Grant points").click()
    page.get_by_label("Points").fill("25")
    page.get_by_label("Reason").fill("sorry for the wait")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("status")).to_contain_text("Nothing has been done yet")
    assert wallet.available == 910
    page.get_by_role("button", name="Do it").dblclick()
    expect(page.get_by_role("status")).to_contain_text("The balance is 935.")
    assert wallet.available == 935
    row = page.get_by_role("row", name="sorry for the wait")
    expect(row).to_contain_text("staff")
    row.get_by_role("link", name="Reverse").click()
    page.get_by_label("Reason").fill("the wrong client")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Do it").click()
    expect(page.get_by_role("status")).to_contain_text("The balance is 910.")
    assert [(entry.kind, entry.operator) for entry in wallet.journal()[-2:]] == [
        ("grant", "staff"),
        ("reverse", "staff"),
    ]
    page.get_by_role("group").filter(has_text="staff").locator("summary").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url("**/console/sign-in")


def test_without_a_script_and_in_chinese_everything_can_be_done_too(
    opened: Callable[..., Page], wallet: Wallet
) -> None:
    page = opened(locale="zh-TW", java_script_enabled=False)
    page.goto("/console")
    expect(page.get_by_role("heading", level=1)).to_have_text("登入")
    sign_in(page)
    page.get_by_role("link", name="尋找顧客").click()
    page.get_by_label("顧客代號").fill("U1c0ff")
    page.get_by_role("button", name="搜尋").click()
    page.get_by_role("link", name=wallet.client_id).click()
    page.get_by_role("link", name="扣點").click()
    page.get_by_label("點數").fill("2000")
    page.get_by_label("原因").fill("兌換")
    page.get_by_role("button", name="預覽結果").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator("#points-wrong")).to_have_text("顧客目前只有 910 點。")
    page.get_by_label("點數").fill("\uff11\uff10")
    page.get_by_role("button", name="預覽結果").click()
    page.get_by_role("button", name="返回修改").click()
    page.get_by_role("button", name="預覽結果").click()
    page.get_by_role("button", name="確認執行").click()
    expect(page.get_by_role("status")).to_contain_text("目前餘額 900 點")
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", name="Journal")).to_be_visible()
    page.goto("/console/bots")
    expect(page.get_by_role("heading", level=1)).to_have_text("Bots")
    page.locator("details.menu summary").click()
    page.get_by_role("button", name="Sign out everywhere").click()
    page.wait_for_url("**/console/sign-in")


def test_a_search_shows_what_it_finds_while_one_types(opened: Callable[..., Page], wallet: Wallet, shop: Shop) -> None:
    shop.client(platform_client_id="V2")
    page = opened(locale="en")
    sign_in(page)
    page.goto(f"{bot_path(shop)}/clients")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_label("Client id").press_sequentially("V")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody")).to_contain_text("V2")
    assert page.url.endswith("q=V&platform=")
    page.get_by_label("Client id").fill(wallet.client_id)
    expect(page.locator("tbody")).to_contain_text("U1c0ffee")


def test_a_page_is_used_with_the_keyboard_alone(opened: Callable[..., Page], wallet: Wallet) -> None:
    page = opened(locale="en")
    page.goto(SIGN_IN)
    page.keyboard.type("staff")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/bots")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.goto(f"{client_path(wallet.shop, wallet.client_id)}/spend")
    page.get_by_role("button", name="Preview").press("Enter")
    expect(page.get_by_label("Points")).to_be_focused()


def test_what_is_shown_once_can_be_copied(opened: Callable[..., Page], shop: Shop) -> None:
    page = opened(locale="en", permissions=["clipboard-read", "clipboard-write"])
    sign_in(page, "admin")
    page.goto(f"{bot_path(shop)}/credentials")
    page.get_by_role("button", name="Issue a new pair").click()
    page.get_by_role("button", name="Copy").last.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.get_by_label("Secret").input_value()


@pytest.mark.parametrize("locale", ["en", "zh-TW"])
@pytest.mark.parametrize("width", [320, 390, 768])
def test_no_page_is_wider_than_the_screen(opened: Callable[..., Page], wallet: Wallet, locale: str, width: int) -> None:
    page = opened(locale=locale, viewport={"width": width, "height": 800})
    page.goto(SIGN_IN)
    assert overhang(page) == 0
    sign_in(page, "admin")
    for path in every_page(wallet):
        page.goto(path)
        open_all(page)
        assert overhang(page) == 0, path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en", "zh-TW"])
def test_axe_finds_nothing_serious(opened: Callable[..., Page], wallet: Wallet, scheme: str, locale: str) -> None:
    page = opened(locale=locale, color_scheme=scheme)
    page.goto(SIGN_IN)
    assert_accessible(page)
    page.fill("#name", "nobody")
    page.fill("#password", "wrong")
    page.click("main button")
    assert_accessible(page)
    sign_in(page, "admin")
    for path in every_page(wallet):
        page.goto(path)
        open_all(page)
        assert_accessible(page)
    client = client_path(wallet.shop, wallet.client_id)
    page.goto(f"{client}/grant")
    page.click("button[value=preview]")
    assert_accessible(page)
    page.fill("#points", "5")
    page.fill("#reason", "tea")
    page.click("button[value=preview]")
    assert_accessible(page)
    page.click("button[value=confirm]")
    page.wait_for_url(re.compile("done="))
    assert_accessible(page)
