"""Somebody who imports files with a browser that runs no script."""

from __future__ import annotations

import html
import re

import httpx

from tests.cast import Shop
from tests.eventually import until
from tests.importing import rows
from tests.web.console.visitor import Visitor, bot_path, hidden

GOOD = rows("line,U1,one,100,,Welcome,", "facebook,F1,two,20,,,")
MIXED = rows("line,U1,one,100,,Welcome,", "telegram,U2,,5,,,", "line,U3,three,7,soon,,")


def send(visitor: Visitor, shop: Shop, file: bytes, name: str = "clients.csv", **headers: str) -> httpx.Response:
    """Upload a file as the page's form does."""
    path = f"{bot_path(shop)}/imports"
    return visitor.http.post(
        path,
        data=hidden(visitor.page(path)),
        files={"file": (name, file, "text/csv")},
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def settled(visitor: Visitor, answer: httpx.Response) -> tuple[str, str]:
    """Where a form has led to, and what the page there says once the work is over."""
    assert answer.status_code == 303, (answer.status_code, text(answer.text))
    path = answer.headers["location"]
    until(lambda: "data-refresh" not in visitor.page(path))
    return path, visitor.page(path)


def text(page: str) -> str:
    """What a page says, in one line."""
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", page.partition("<main")[2]).split()))


def confirm(visitor: Visitor, path: str) -> tuple[str, str]:
    return settled(visitor, visitor.fill_in(path, step="confirm"))


def signed_in_again(visitor: Visitor) -> Visitor:
    assert visitor.sign_in("staff").status_code == 303
    return visitor
