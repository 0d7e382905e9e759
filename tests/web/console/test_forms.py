"""Forms are taken from a page of this very session, and from nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from remora.web.body import MAX_BYTES
from tests.cast import Shop
from tests.wallet import Wallet
from tests.web.console.visitor import PASSWORD, SIGN_IN, Visitor, bot_path, client_path, hidden

pytestmark = pytest.mark.usefixtures("staff")

FORMS = (
    *("/console/sign-out", "/console/sign-out-everywhere", "{bot}/credentials"),
    *("{client}/grant", "{client}/spend", "{client}/entries/1/reverse"),
)
FILLED = {"points": "5", "reason": "tea", "step": "confirm", "key": "k", "overlap": "0"}


@pytest.fixture
def wallet(shop: Shop) -> Wallet:
    return Wallet(shop, shop.client(100))


@pytest.fixture
def paths(wallet: Wallet) -> list[str]:
    """Where each form goes."""
    bot, client = bot_path(wallet.shop), client_path(wallet.shop, wallet.client_id)
    return [where.format(bot=bot, client=client) for where in FORMS]


def test_a_form_without_the_sessions_secret_does_nothing(
    signed_in: Callable[[str], Visitor], wallet: Wallet, paths: list[str]
) -> None:
    admin = signed_in("admin")
    for path in paths:
        for csrf in (None, "", "wrong", "0" * 64, "\u00e9"):
            answer = admin.send(path, FILLED if csrf is None else FILLED | {"csrf": csrf})
            assert answer.status_code == 403, (path, csrf)
            assert "nothing was done" in answer.text
    assert wallet.available == 100
    assert admin.get("/console/bots").status_code == 200


def test_a_form_with_another_sessions_secret_does_nothing(
    signed_in: Callable[[str], Visitor], wallet: Wallet, paths: list[str]
) -> None:
    admin = signed_in("admin")
    for other in (signed_in("admin"), signed_in("staff")):
        secret = hidden(other.page("/console/bots"))
        assert [admin.send(path, FILLED | secret).status_code for path in paths] == [403] * len(paths)
    assert wallet.available == 100


def test_a_form_from_another_site_does_nothing_though_it_has_the_secret(
    signed_in: Callable[[str], Visitor], wallet: Wallet, paths: list[str]
) -> None:
    admin = signed_in("admin")
    secret = hidden(admin.page("/console/bots"))
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
    ):
        told = [admin.send(path, FILLED | secret, **headers).status_code for path in paths]
        assert told == [403] * len(paths), headers
    assert wallet.available == 100


def test_a_form_from_our_own_site_is_taken(mei: Visitor, wallet: Wallet) -> None:
    path = f"{client_path(wallet.shop, wallet.client_id)}/spend"
    own = str(mei.http.base_url).rstrip("/")
    answer = mei.send(path, hidden(mei.page(path)) | FILLED, origin=own, sec_fetch_site="same-origin")
    assert answer.status_code == 303
    assert wallet.available == 95


def test_nobody_is_signed_in_by_another_sites_form(visitor: Visitor) -> None:
    filled = {"name": "staff", "password": PASSWORD}
    assert visitor.send(SIGN_IN, filled).status_code == 403
    secret = hidden(visitor.page(SIGN_IN))
    assert visitor.send(SIGN_IN, filled | secret, origin="https://evil.example").status_code == 403
    visitor.http.cookies.clear()
    assert visitor.send(SIGN_IN, filled | secret).status_code == 403
    assert visitor.session() is None


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"points=5", "text/plain", 400),
        (b"{}", "application/json", 400),
        (b"points=%ff", "application/x-www-form-urlencoded", 400),
        (b"\xff", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a=1" for _ in range(99)), "application/x-www-form-urlencoded", 400),
        (b"x" * (MAX_BYTES + 1), "application/x-www-form-urlencoded", 413),
    ],
)
def test_what_is_no_form_is_told_so(
    mei: Visitor, wallet: Wallet, content: bytes, content_type: str, status: int
) -> None:
    path = f"{client_path(wallet.shop, wallet.client_id)}/spend"
    answer = mei.http.post(path, content=content, headers={"content-type": content_type})
    assert answer.status_code == status
    assert "<!doctype html>" in answer.text
