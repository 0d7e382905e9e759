"""Signing in and out: sessions cannot be guessed, fixed, kept or carried elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import quote

import httpx
import pytest
from msgspec.structs import replace

from remora.service import lockout, operators, sessions
from remora.service.installation import Installation
from remora.settings import Rate, Settings
from remora.web.app import Application
from tests.cast import SECOND, Api, ManualClock, Shop
from tests.web.console.visitor import PASSWORD, SIGN_IN, Visitor, bot_path, hidden

pytestmark = pytest.mark.usefixtures("staff")

OVER_TLS = "https://points.example"


def test_who_is_not_signed_in_is_sent_to_sign_in_and_back_again(visitor: Visitor, shop: Shop) -> None:
    wanted = f"{bot_path(shop)}/clients?q=U1"
    answer = visitor.get(wanted)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{SIGN_IN}?next={quote(wanted, safe='')}")
    page = visitor.page(answer.headers["location"])
    answer = visitor.send(SIGN_IN, hidden(page) | {"name": "staff", "password": PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, wanted)
    assert visitor.get(wanted).status_code == 200
    assert visitor.get(SIGN_IN).headers["location"] == "/console/bots"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example",
        "/console//evil",
        "/api/docs",
        "/console/\\evil",
        "/consolex",
        "\r\nX: y",
    ],
)
def test_nobody_is_sent_to_another_place(visitor: Visitor, elsewhere: str) -> None:
    assert visitor.sign_in("staff", going_on=elsewhere).headers["location"] == "/console/bots"
    answer = visitor.get(f"/console/language/en?next={quote(elsewhere, safe='')}")
    assert answer.headers["location"] == "/console/bots"


def test_a_session_that_was_there_before_is_not_taken_over(visitor: Visitor, visit: Callable[[], Visitor]) -> None:
    """Fixation: an attacker who has put a cookie into a browser knows nothing of the session that begins in it."""
    attacker = visit()
    attacker.sign_in("viewer")
    planted = attacker.session()
    assert planted
    visitor.plant("remora_session", "chosen-by-an-attacker")
    visitor.get(SIGN_IN)
    visitor.plant("remora_guest", "chosen-too")
    visitor.sign_in("staff")
    token = visitor.session()
    assert token not in (None, "chosen-by-an-attacker", "chosen-too", planted)
    before = token
    assert visitor.fill_in("/console/sign-out", page="/console/bots").status_code == 303
    visitor.sign_in("staff")
    assert visitor.session() not in (None, before)


def test_the_cookie_is_for_the_console_alone_and_for_no_script(visitor: Visitor) -> None:
    [cookie] = [
        each for each in visitor.sign_in("staff").headers.get_list("set-cookie") if each.startswith("remora_session")
    ]
    assert cookie.split("; ")[1:] == [
        "Path=/console",
        f"Max-Age={sessions.LIFE_SECONDS}",
        "HttpOnly",
        "SameSite=Lax",
    ]


def test_over_tls_every_cookie_is_secure_and_no_other_is_read(installation: Installation, settings: Settings) -> None:
    async def talk(application: Application) -> None:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url=OVER_TLS) as http:
            page = await http.get(SIGN_IN)
            fields = hidden(page.text) | {"name": "staff", "password": PASSWORD}
            answer = await http.post(SIGN_IN, data=fields, headers={"origin": OVER_TLS})
            assert answer.status_code == 303
            given = [*page.headers.get_list("set-cookie"), *answer.headers.get_list("set-cookie")]
            assert all(each.startswith("__Secure-") and each.endswith("; Secure") for each in given)
            assert (await http.get("/console/bots")).status_code == 200
            token = http.cookies["__Secure-remora_session"]
            plain = await http.post(SIGN_IN, data=fields, headers={"origin": OVER_TLS.replace("https", "http")})
            assert plain.status_code == 403
        async with httpx.AsyncClient(transport=transport, base_url=OVER_TLS) as http:
            http.cookies.set("remora_session", token)
            assert (await http.get("/console/bots")).status_code == 303

    application = Application(installation, settings)
    try:
        asyncio.run(talk(application))
    finally:
        application.close()


def test_a_password_over_the_open_network_is_warned_of(visitor: Visitor) -> None:
    assert "not encrypted" in visitor.get(SIGN_IN, host="points.example").text
    assert "not encrypted" not in visitor.page(SIGN_IN)


def test_a_wrong_name_and_a_wrong_password_look_alike(visitor: Visitor) -> None:
    told = [visitor.sign_in(name, "wrong") for name in ("staff", "nobody")]
    assert [each.status_code for each in told] == [401, 401]
    assert visitor.session() is None
    one, other = (each.text.replace('value="staff"', "").replace('value="nobody"', "") for each in told)
    assert one == other
    assert "do not belong together" in one


def test_a_name_that_failed_too_often_is_locked_until_the_window_is_over(visitor: Visitor, clock: ManualClock) -> None:
    for _ in range(lockout.MOST_FOR_NAME):
        assert visitor.sign_in("staff", "wrong").status_code == 401
    locked = visitor.sign_in("staff")
    assert (locked.status_code, locked.headers["retry-after"]) == (429, str(lockout.WINDOW_SECONDS))
    assert "Try again in 15 min." in locked.text
    assert visitor.sign_in("viewer").status_code == 303
    clock.time += lockout.WINDOW_SECONDS * SECOND
    visitor.http.cookies.clear()
    assert visitor.sign_in("staff").status_code == 303


def test_an_address_that_fails_too_often_is_limited_before_any_password_is_looked_at(
    serve: Callable[[Installation, Settings], Api], installation: Installation, settings: Settings
) -> None:
    api = serve(installation, replace(settings, failed_auth_limit=Rate(2, 60)))
    visitor = Visitor(api.http)
    assert [visitor.sign_in("staff", "wrong").status_code for _ in range(2)] == [401, 401]
    limited = visitor.sign_in("staff")
    assert limited.status_code == 429
    assert int(limited.headers["retry-after"]) <= 60
    assert "Too many attempts" in limited.text
    assert 'remora_rate_limited_total{policy="failed-auth"} 1.0' in api.http.get("/metrics").text


def test_signing_out_ends_the_session_itself(visitor: Visitor, visit: Callable[[], Visitor]) -> None:
    visitor.sign_in("staff")
    stolen = visit()
    stolen.plant("remora_session", visitor.session() or "")
    assert stolen.get("/console/bots").status_code == 200
    answer = visitor.fill_in("/console/sign-out", page="/console/bots")
    assert (answer.status_code, answer.headers["location"]) == (303, SIGN_IN)
    assert visitor.session() is None
    assert stolen.get("/console/bots").status_code == 303


def test_signing_out_everywhere_ends_the_sessions_of_every_browser(visit: Callable[[], Visitor]) -> None:
    here, there, other = visit(), visit(), visit()
    for browser, name in ((here, "staff"), (there, "staff"), (other, "viewer")):
        browser.sign_in(name)
    assert here.fill_in("/console/sign-out-everywhere", page="/console/bots").status_code == 303
    assert [each.get("/console/bots").status_code for each in (here, there, other)] == [303, 303, 200]


def test_a_session_ends_when_its_time_is_up_and_its_operator_disabled(
    visitor: Visitor, installation: Installation, clock: ManualClock
) -> None:
    visitor.sign_in("staff")
    clock.time += sessions.IDLE_SECONDS * SECOND
    assert visitor.get("/console/bots").status_code == 303
    visitor.sign_in("staff")
    operators.set_disabled(installation, "staff", disabled=True)
    assert visitor.get("/console/bots").status_code == 303
    assert visitor.sign_in("staff").status_code == 401
