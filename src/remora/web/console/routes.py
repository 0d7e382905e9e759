"""Every URL of the console, on one page. A page is for those who are signed in, unless it says `public`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from remora.web.console import visit
from remora.web.console.pages import bots, client, clients, dashboard, exports, files, imports, orders, sign_in
from remora.web.console.visit import Visit

Handler = Callable[[Visit], Awaitable[Response]]

BASE = "/console"
BOT = f"{BASE}/bots/{{bot_id}}"
CLIENT = f"{BOT}/clients/{{client_id}}"
UPLOAD = f"{BOT}/imports/files/{{upload_id}}"
IMPORT = f"{BOT}/imports/{{import_id}}"


class Page:
    """An ASGI application that lets a handler answer a visit."""

    def __init__(self, answer: Handler, *, public: bool) -> None:
        self._answer = answer
        self._public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        visitor = await visit.begin(scope, receive)
        if not self._public:
            _ = visitor.authority
        response = await self._answer(visitor)
        await response(scope, receive, send)


def get(path: str, answer: Handler, *, public: bool = False) -> Route:
    return Route(path, Page(answer, public=public), methods=["GET"])


def post(path: str, answer: Handler, *, public: bool = False) -> Route:
    return Route(path, Page(answer, public=public), methods=["POST"])


def every() -> list[Route]:
    """All of them; whatever else begins with BASE is the console's page that there is nothing."""
    return [
        get(BASE, bots.home),
        get(f"{BASE}/", bots.home),
        Route(f"{BASE}/assets/{{name}}", files.asset),
        get(f"{BASE}/language/{{tag}}", sign_in.speak, public=True),
        get(f"{BASE}/sign-in", sign_in.show, public=True),
        post(f"{BASE}/sign-in", sign_in.sign_in, public=True),
        post(f"{BASE}/sign-out", sign_in.sign_out),
        post(f"{BASE}/sign-out-everywhere", sign_in.sign_out_everywhere),
        get(f"{BASE}/bots", bots.every),
        get(BOT, dashboard.show),
        get(f"{BOT}/credentials", bots.credentials),
        post(f"{BOT}/credentials", bots.issue),
        get(f"{BOT}/clients", clients.search),
        get(f"{BOT}/exports", exports.show),
        get(f"{BOT}/exports/{{what}}", exports.download),
        get(f"{BOT}/imports", imports.every),
        post(f"{BOT}/imports", imports.upload),
        get(UPLOAD, imports.look),
        post(UPLOAD, imports.confirm),
        get(f"{UPLOAD}/report", imports.look_report),
        get(IMPORT, imports.show),
        post(IMPORT, imports.go_on),
        get(f"{IMPORT}/report", imports.report),
        get(f"{IMPORT}/undo", imports.show_undo),
        post(f"{IMPORT}/undo", imports.undo),
        get(f"{IMPORT}/undo/report", imports.undo_report),
        get(CLIENT, client.show),
        get(f"{CLIENT}/grant", orders.show_grant),
        post(f"{CLIENT}/grant", orders.grant),
        get(f"{CLIENT}/spend", orders.show_spend),
        post(f"{CLIENT}/spend", orders.spend),
        get(f"{CLIENT}/entries/{{seq:int}}/reverse", orders.show_reverse),
        post(f"{CLIENT}/entries/{{seq:int}}/reverse", orders.reverse),
    ]
