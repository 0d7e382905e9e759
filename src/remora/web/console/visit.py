"""A visit: one request to the console, who makes it, in which language, and how it is answered."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TypeVar
from urllib.parse import parse_qsl

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Receive, Scope

from remora.errors import NotSignedIn
from remora.service import sessions
from remora.service.authority import Authority
from remora.service.desk import Result
from remora.service.installation import Installation
from remora.service.orders import Job
from remora.service.report import Reports
from remora.web import auth
from remora.web.console import cookies, formats, forms, languages, static
from remora.web.console.languages import Language
from remora.web.endpoint import Services
from remora.web.observe import Observation

Value = TypeVar("Value")

HOME = "/console/bots"
MOST_SIGNING_IN = 2
MOST_EXPORTING = 2
MOST_UPLOADING = 2
_OWN_PATH = re.compile(r"/console(/[A-Za-z0-9_/.-]*)?(\?[A-Za-z0-9_=&%.:+-]*)?", re.ASCII)


@dataclass(frozen=True)
class Shared:
    """What the visits of one application have in common."""

    reports: Reports = field(default_factory=Reports)
    signing_in: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_SIGNING_IN))
    """A password costs 64 MiB and a core for a moment: those who sign in wait for each other, and nobody else does."""
    exporting: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_EXPORTING))
    uploading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_UPLOADING))


@dataclass
class Visit:
    """`token` is the session's, or the guest's before there is a session."""

    services: Services
    scope: Scope
    receive: Receive
    language: Language
    query: Mapping[str, str]
    token: str | None
    who: Authority | None = None
    _cookies: list[str] = field(default_factory=list)

    @property
    def installation(self) -> Installation:
        return self.services.installation

    @property
    def seen(self) -> Observation:
        seen: Observation = self.scope["seen"]
        return seen

    @property
    def shared(self) -> Shared:
        shared: Shared = self.scope["console"]
        return shared

    @property
    def authority(self) -> Authority:
        """Who is signed in, or NotSignedIn."""
        if self.who is None:
            raise NotSignedIn("there is no session, or it is over")
        return self.who

    @property
    def address(self) -> str:
        return auth.address(self.scope)

    def part(self, name: str) -> str:
        """A part of the path."""
        return str(self.scope["path_params"][name])

    async def do(self, verb: Callable[..., Value], *values: object, **named: object) -> Value:
        """Carry out a verb of the service, which may wait for the database, in a thread."""
        return await self.services.store.run(partial(verb, self.installation, *values, **named))

    async def write(self, bot_id: str, job: Job) -> Result:
        """Let the engine carry out a job, beside those of the API."""
        return await self.services.store.write(bot_id, job)

    async def form(self) -> Mapping[str, str]:
        """The form that was sent; see `forms.read`."""
        return await forms.read(self.scope, self.receive, self.token)

    def page(self, template: str, status: int = 200, **values: object) -> Response:
        """A page in the visitor's language."""
        text = (
            environment()
            .get_template(template)
            .render(
                t=self.language,
                languages=[languages.language(tag) for tag in languages.TAGS],
                who=self.who,
                csrf=forms.secret_of(self._token()),
                here=self.here(),
                insecure=not cookies.is_secure(self.scope) and not self._is_local(),
                **values,
            )
        )
        return self._with_cookies(HTMLResponse(text, status))

    def to(self, path: str) -> Response:
        """Send the browser to another page of ours, which it asks for anew."""
        return self._with_cookies(RedirectResponse(path, 303))

    def keep(self, cookie: str) -> None:
        """Set a cookie with the answer."""
        self._cookies.append(cookie)

    def here(self) -> str:
        """The path of this page with its query, for those who come back to it."""
        query = self.scope["query_string"].decode("latin-1")
        return own_path(self.scope["path"] + (f"?{query}" if query else ""))

    def _token(self) -> str:
        """What this page's forms are bound to: for a guest without one, a new one."""
        if self.token is None:
            self.token = secrets.token_urlsafe(32)
            self.keep(cookies.guest(self.scope, self.token))
        return self.token

    def _with_cookies(self, response: Response) -> Response:
        for cookie in self._cookies:
            response.headers.append("set-cookie", cookie)
        return response

    def _is_local(self) -> bool:
        """Whether what is typed stays on this machine."""
        host = forms.header(self.scope, b"host").rpartition(":")[0].strip("[]")
        return host in ("localhost", "127.0.0.1", "::1")


def guest(scope: Scope, receive: Receive) -> Visit:
    """A visit of somebody of whom nothing is known."""
    query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True, errors="replace"))
    spoken = languages.chosen(cookies.read(scope, cookies.LANGUAGE), forms.header(scope, b"accept-language"))
    return Visit(scope["services"], scope, receive, spoken, query, cookies.read(scope, cookies.GUEST))


async def begin(scope: Scope, receive: Receive) -> Visit:
    """See who comes: the operator whose session the cookie opens, or a guest."""
    visit = guest(scope, receive)
    given = cookies.read(scope, cookies.SESSION)
    if given:
        try:
            visit.who = await visit.do(sessions.resume, given)
            visit.token = given
        except NotSignedIn:
            visit.keep(cookies.gone(scope, cookies.SESSION))
    return visit


def own_path(given: str) -> str:
    """A path of the console, to which it is safe to send someone; its first page if it is anything else."""
    return given if _OWN_PATH.fullmatch(given) and "//" not in given else HOME


@cache
def environment() -> Environment:
    """The templates. Whatever is put into them is escaped, and what is missing is a fault."""
    made = Environment(
        loader=PackageLoader("remora.web.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["asset"] = static.path
    made.filters["points"] = formats.points
    made.filters["signed"] = formats.signed
    made.tests["never"] = formats.is_never
    return made
