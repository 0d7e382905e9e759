"""Somebody with a browser that runs no script: follows links, fills in forms, keeps cookies."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

import httpx

from tests.cast import Shop

PASSWORD = "correct horse battery"
SIGN_IN = "/console/sign-in"


@dataclass
class Visitor:
    """One browser."""

    http: httpx.Client

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.http.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def page(self, path: str) -> str:
        """A page that there is."""
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.headers.get("location"))
        return answer.text

    def send(self, path: str, fields: dict[str, str], **headers: str) -> httpx.Response:
        """Post a form as it is."""
        return self.http.post(
            path, data=fields, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    def fill_in(self, path: str, page: str = "", **fields: str) -> httpx.Response:
        """Open a form's page, fill it in and send it. `page` is where the form is, if not at its own address."""
        return self.send(path, hidden(self.page(page or path)) | fields)

    def sign_in(self, name: str, password: str = PASSWORD, going_on: str = "/console/bots") -> httpx.Response:
        return self.fill_in(SIGN_IN, name=name, password=password, next=going_on)

    def plant(self, cookie: str, value: str) -> None:
        """Put a cookie there, in place of the one of this name."""
        self.http.cookies.set(cookie, value, domain=self.http.base_url.host, path="/console")

    def session(self) -> str | None:
        return self.http.cookies.get("remora_session")


def hidden(page: str) -> dict[str, str]:
    """What the last form of a page carries unseen; every form of one page has the same secret."""
    form = page.rpartition("<form")[2] if "<form" in page else page
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form)
    if not any(name == "csrf" for name, _ in found):
        found += re.findall(r'<input type="hidden" name="(csrf)" value="([^"]*)">', page)[:1]
    return {name: html.unescape(value) for name, value in found}


def bot_path(shop: Shop) -> str:
    return f"/console/bots/{shop.bot_id}"


def client_path(shop: Shop, client_id: str) -> str:
    return f"{bot_path(shop)}/clients/{client_id}"
