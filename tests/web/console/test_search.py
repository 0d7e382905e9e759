"""Finding clients: by what they are called here or there, by how that begins, a page at a time, along an index."""

from __future__ import annotations

import re

import pytest

from remora.model import Client, Platform, Role
from remora.service import clients
from remora.service.authority import Authority
from remora.service.installation import Installation
from remora.service.search import search
from remora.storage import clients as rows
from remora.storage.clients import _beyond
from remora.storage.named import statements
from tests.backdoor import BackDoor
from tests.cast import Shop
from tests.stores import Store
from tests.web.console.visitor import Visitor, bot_path

AUTHORITY = Authority("an", Role.ADMIN)
HIGH = "\U0010ffff"


def found(shop: Shop, asked: str, platform: Platform | None = None, most: int = 100) -> list[str]:
    """The platform ids found, page by page."""
    ids: list[str] = []
    after: str | None = ""
    while after is not None:
        page = search(shop.installation, AUTHORITY, shop.bot_id, asked, platform=platform, after=after, most=most)
        ids += [row.client.platform_client_id for row in page.rows]
        after = page.after
    return ids


def test_clients_are_found_by_how_their_platform_id_begins(shop: Shop, rival: Shop) -> None:
    for name in ("abc", "abd", "ab", "b", "Ab", "ab%", "ab_", f"ab{HIGH}", f"ab{HIGH}x", "\u9999\u0301"):
        shop.client(platform_client_id=name)
        rival.client(platform_client_id=f"{name}, the rival's")
    assert found(shop, "ab") == ["ab", "ab%", "ab_", "abc", "abd", f"ab{HIGH}", f"ab{HIGH}x"]
    assert found(shop, "ab%") == ["ab%"]
    assert found(shop, f"ab{HIGH}") == [f"ab{HIGH}", f"ab{HIGH}x"]
    assert found(shop, "\u9999") == ["\u9999\u0301"]
    assert found(shop, "abcd") == []
    assert len(found(shop, "")) == 10
    for nothing in ("\0", "a\nb", "\ud800", "x" * 300):
        assert found(shop, nothing) == []


@pytest.mark.parametrize("most", [1, 2, 3, 7])
def test_pages_go_on_where_they_ended_over_all_platforms(shop: Shop, most: int) -> None:
    wanted = []
    for platform in Platform:
        for name in ("U1", "U2", "U22"):
            shop.client(platform=platform, platform_client_id=name)
            wanted.append(name)
    assert found(shop, "U", most=most) == wanted
    assert found(shop, "U2", most=most) == ["U2", "U22"] * 5
    assert found(shop, "U", Platform.WHATSAPP, most) == ["U1", "U2", "U22"]


def test_a_client_is_found_by_the_encoded_id_and_shown_once(shop: Shop) -> None:
    client_id = shop.client(5, platform_client_id="somebody")
    shop.client(platform_client_id=client_id)
    rows = search(shop.installation, AUTHORITY, shop.bot_id, client_id, most=9).rows
    assert [(row.client.platform_client_id, row.points) for row in rows] == [("somebody", 5), (client_id, 0)]
    same = clients.add(shop.installation, shop.bot_id, Platform.LINE, "sameSame1", "sameSame1")
    assert [row.client for row in search(shop.installation, AUTHORITY, shop.bot_id, "sameSame1", most=9).rows] == [same]


@pytest.mark.parametrize(
    ("prefix", "beyond"), [("ab", "ac"), ("a\ud7ff", "a\ue000"), (f"a{HIGH}", "b"), (HIGH, HIGH * 1_000)]
)
def test_the_end_of_a_span_comes_after_all_that_begins_so(prefix: str, beyond: str) -> None:
    assert _beyond(prefix) == beyond


def test_a_search_walks_an_index_however_many_clients_there_are(
    installation: Installation, shop: Shop, store: Store, back_door: BackDoor
) -> None:
    with installation.database.write() as tx:
        rows.add(tx, shop.bot_id, [Client(f"client{n:05}", Platform.LINE, f"U{n:05}") for n in range(5_000)], 0)
    text = statements(store.dialect)["clients_with_prefix"].text
    values = {"bot_id": shop.bot_id, "platform": "line", "first": "U01", "beyond": "U02"}
    query = re.sub(r":([a-z_]+)", lambda name: f"'{values[name[1]]}'" if name[1] in values else "25", text)
    if store.dialect == "sqlite":
        [plan] = [row[3] for row in back_door.rows(f"EXPLAIN QUERY PLAN {query}")]
        assert plan == (
            "SEARCH clients USING COVERING INDEX clients_platform (bot_id=? AND platform=? AND platform_client_id>? "
            "AND platform_client_id<?)"
        )
    else:
        plan = "\n".join(row[0] for row in back_door.rows(f"EXPLAIN {query}"))
        assert "Index Scan using clients_platform" in plan
        assert "Sort" not in plan


def test_the_page_finds_and_goes_on(mei: Visitor, shop: Shop) -> None:
    for number in range(30):
        shop.client(platform_client_id=f"U{number:02}")
    page = mei.page(f"{bot_path(shop)}/clients?q=U&platform=line")
    assert len(re.findall(r"<bdi>U\d\d</bdi>", page)) == 25
    [more] = re.findall(r'href="(\?[^"]*)" rel="next"', page)
    page = mei.page(f"{bot_path(shop)}/clients{more.replace('&amp;', '&')}")
    assert re.findall(r"<bdi>(U\d\d)</bdi>", page) == [f"U{number}" for number in range(25, 30)]
    for odd in ("line:%00", "line:%ff", "x", "nothing:U1", "whatsapp:" + "x" * 500):
        assert mei.get(f"{bot_path(shop)}/clients?after={odd}").status_code == 200
    assert "No client is called that" in mei.page(f"{bot_path(shop)}/clients?q=V")
