"""What every page has: its headers, its language, its answer where something is wrong."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

import remora
from remora.errors import ImportRefused, ImportUndone, NoSuchUpload, StoreUnavailable
from remora.model import KINDS, Platform, Role
from remora.service import console, import_desk, tasks
from remora.service.verdicts import VERDICTS
from remora.web import errors
from remora.web.console import languages
from remora.web.console.app import TOLD
from remora.web.console.languages import TAGS, chosen, language
from remora.web.console.pages import orders
from tests.backdoor import BackDoor
from tests.cast import Api, Shop
from tests.stores import only
from tests.web.console.visitor import SIGN_IN, Visitor, bot_path, client_path

FOLDER = Path(remora.__file__).parent / "web" / "console"
TEMPLATES = sorted((FOLDER / "templates").glob("*.html"))


def test_every_page_is_told_to_run_nothing_of_others_and_to_be_kept_by_nobody(mei: Visitor, shop: Shop) -> None:
    for path in (SIGN_IN, "/console/bots", bot_path(shop), "/console/nothing"):
        headers = mei.get(path).headers
        assert headers["content-security-policy"] == (
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
            "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        )
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["x-request-id"]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_nothing_that_the_policy_forbids_and_no_asset_of_another_host(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    assert not re.search(r"<style|style=|\son\w+=|javascript:|<script(?! type=\"module\" src=)|\|safe|//[a-z]", text)


def test_style_and_script_are_kept_for_ever_under_names_of_their_content(visitor: Visitor) -> None:
    page = visitor.page(SIGN_IN)
    assets = re.findall(r'(?:href|src)="(/console/assets/[^"]+)"', page)
    assert len(assets) == 3
    for path in assets:
        answer = visitor.get(path)
        assert answer.status_code == 200
        assert re.fullmatch(r"/console/assets/\w+\.[0-9a-f]{16}\.(css|js|svg)", path)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    for path in ("console.css", "console.0000000000000000.css", "..%2Fapp.py", "%2e%2e/app.py"):
        assert visitor.get(f"/console/assets/{path}").status_code in (303, 404)


def test_both_languages_say_the_same_things_with_the_same_values() -> None:
    first, *others = (language(tag).texts for tag in TAGS)
    for other in others:
        assert other.keys() == first.keys()
        for key, text in first.items():
            assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", other[key])), key
            assert other[key].strip()


def test_every_catalogue_is_offered() -> None:
    assert sorted(TAGS) == sorted(path.stem for path in (FOLDER / "languages").glob("*.toml"))
    for path in (FOLDER / "languages").glob("*.toml"):
        assert tomllib.loads(path.read_text(encoding="utf-8"))["name"]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_says_nothing_in_one_language_only(template: Path) -> None:
    text = re.sub(r"{%.*?%}|{{.*?}}|{#.*?#}", "", template.read_text(encoding="utf-8"), flags=re.DOTALL)
    shown = re.sub(r"""<[^>]*>|[\w-]+="[^"]*\"""", "", text)
    assert not re.search(r"[^\W\d_]", shown.replace("&amp;", "")), shown.strip()
    for name in ("placeholder", "aria-label", "title", "alt"):
        assert not re.search(rf'\s{name}="[^"]*[^\W\d_]', text)


def test_every_text_that_is_asked_for_is_there_and_every_text_is_asked_for() -> None:
    texts = language("en").texts
    code = "\n".join(path.read_text(encoding="utf-8") for path in (*TEMPLATES, *FOLDER.rglob("*.py")))
    asked = set(re.findall(r'"([a-z_]+(?:\.[a-z_]+)+|brand|footer|points|name)"', code)) & (
        texts.keys() | set(re.findall(r'\bt\(\s*"([^"]+)"\s*[,)]', code))
    )
    made = (
        {f"platform.{each}" for each in Platform}
        | {f"kind.{each}" for each in KINDS}
        | {f"role.{each}" for each in Role}
    )
    made |= {f"kind_do.{each}" for each in ("grant", "spend", "reverse")}
    made |= {f"lot.{each}" for each in ("pending", "live", "used", "expired")}
    made |= {f"refusal.{kind.code}" for kind in (*orders.BESIDE, *orders.ABOVE)}
    made |= {f"refusal.field_{each}" for each in (*orders.OF_FIELD.values(), "other")}
    made |= {f"import_state.{each}" for each in import_desk.STATES}
    made |= {f"look_state.{each}" for each in (*tasks.UNDER_WAY, tasks.STOPPED, tasks.DONE, tasks.FAILED)}
    made |= {f"{kind}.{each}" for kind in ("verdict", "row_verdict") for each in VERDICTS}
    made |= {f"task.{each}_reading" for each in ("look", "run")}
    made |= {f"task.{each}_running" for each in ("look", "run", "undo")}
    made |= {f"task.code_{kind.code}" for kind in (StoreUnavailable, ImportRefused, ImportUndone, NoSuchUpload)}
    told = {*TOLD.values(), "error.refused"}
    made |= told | {f"{each}_more" for each in told}
    assert asked | made | {"name"} == texts.keys()


@pytest.mark.parametrize(
    ("cookie", "accepted", "tag"),
    [
        (None, "", "en"),
        (None, "zh-TW,zh;q=0.9,en;q=0.8", "zh-Hant"),
        (None, "en;q=0.5, zh-Hant-HK", "zh-Hant"),
        (None, "fr, zh-CN;q=0.4, en;q=0.3", "zh-Hant"),
        (None, "de, fr", "en"),
        (None, "zh;q=0, en", "en"),
        (None, "zh;q=x;;=,en;q=0.1", "en"),
        ("zh-Hant", "en", "zh-Hant"),
        ("en", "zh", "en"),
        ("../etc", "zh", "zh-Hant"),
    ],
)
def test_the_language_is_the_one_that_was_chosen_else_the_browsers(cookie: str | None, accepted: str, tag: str) -> None:
    assert chosen(cookie, accepted).tag == tag


def test_a_language_is_chosen_by_a_link_and_remembered(visitor: Visitor) -> None:
    assert '<html lang="en">' in visitor.page(SIGN_IN)
    [link] = re.findall(r'href="(/console/language/zh-Hant[^"]*)"', visitor.page(SIGN_IN))
    answer = visitor.get(link)
    assert (answer.status_code, answer.headers["location"]) == (303, SIGN_IN)
    assert '<html lang="zh-Hant">' in visitor.page(SIGN_IN)
    assert "登入" in visitor.page(SIGN_IN)
    assert visitor.get("/console/language/xx").status_code == 404


def test_what_is_not_there_and_what_cannot_be_done_are_pages(mei: Visitor, shop: Shop) -> None:
    for path, method, status in (
        ("/console/nothing", "GET", 404),
        (f"{bot_path(shop)}/nothing", "GET", 404),
        (client_path(shop, "nobody"), "GET", 404),
        ("/console/bots", "POST", 405),
        ("/console/sign-out", "GET", 405),
        ("/console/sign-in", "DELETE", 405),
    ):
        answer = mei.http.request(method, path)
        assert answer.status_code == status, path
        assert "<!doctype html>" in answer.text
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert mei.http.request("POST", "/console/bots").headers["allow"]


def test_a_fault_is_a_page_with_the_requests_id_and_nothing_of_the_inside(
    mei: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr(console, "bots_of", broken)
    answer = mei.get("/console/bots", x_request_id="mine")
    assert answer.status_code == 500
    assert "<code>mine</code>" in answer.text
    assert "inside" not in answer.text


@only("sqlite", why="it is the web's doing, and a table that is gone is soonest put back there")
def test_a_store_that_is_away_is_a_page_too(mei: Visitor, back_door: BackDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    from remora.errors import StoreUnavailable  # noqa: PLC0415 (of this test alone)
    from remora.service import sessions  # noqa: PLC0415 (of this test alone)

    def away(*_: object) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(sessions, "resume", away)
    answer = mei.get("/console/bots")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert "away or too busy" in answer.text
    assert back_door


def test_pages_are_counted_by_their_route(mei: Visitor, api: Api, shop: Shop) -> None:
    mei.page(f"{bot_path(shop)}/clients?q=secret")
    mei.get("/console/made-up-by-a-caller")
    text = api.http.get("/metrics").text
    assert 'route="/console/bots/{bot_id}/clients",status="200"' in text
    assert "made-up" not in text
    assert "secret" not in text


def test_every_refusal_that_a_form_tells_has_its_words_and_its_status() -> None:
    for kind in (*orders.BESIDE, *orders.ABOVE):
        assert kind in errors.STATUS
        assert all(language(tag).has(f"refusal.{kind.code}") for tag in languages.TAGS)


def test_a_guest_sees_nothing_of_what_there_is(visit: Callable[[], Visitor], shop: Shop) -> None:
    guest = visit()
    told = {guest.get(path).status_code for path in (bot_path(shop), "/console/bots/nothing", "/console/bots")}
    assert told == {303}
