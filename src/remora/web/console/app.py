"""The ASGI application behind /console: whatever a visit comes to is a page, and every answer is told to be careful."""

from __future__ import annotations

from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Router
from starlette.types import Message, Receive, Scope, Send

from remora import errors as refusals
from remora.errors import InternalError, MethodNotAllowed, NotSignedIn, PathUnknown, RateLimited, Refusal
from remora.web import errors, observe
from remora.web.body import ClientGone
from remora.web.console import routes, visit
from remora.web.console.visit import Shared, Visit

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    b"content-security-policy": POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=()",
}
NOT_KEPT = (b"cache-control", b"no-store")

TOLD = {
    refusals.NoSuchBot: "error.no_bot",
    refusals.NoClientFound: "error.no_client",
    refusals.NoSuchEntry: "error.no_entry",
    refusals.NoSuchImport: "error.no_import",
    refusals.NoSuchUpload: "error.no_upload",
    refusals.PathUnknown: "error.no_page",
    refusals.MethodNotAllowed: "error.no_page",
    refusals.NotAllowed: "error.not_allowed",
    refusals.FormRefused: "error.form",
    refusals.InvalidField: "error.bad_request",
    refusals.BodyTooLarge: "error.bad_request",
    refusals.RateLimited: "error.too_many",
    refusals.StoreUnavailable: "error.unavailable",
    refusals.InternalError: "error.internal",
}
"""What a page says of a refusal; what is told beside a form's field is not here."""


class Console:
    """Routes a visit to its page. One for each application."""

    def __init__(self) -> None:
        self._router = Router(routes.every(), redirect_slashes=False)
        self._shared = Shared()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["console"] = self._shared

        async def send_carefully(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = dict(message["headers"])
                careful = [(name, value) for name, value in HEADERS.items() if name not in given]
                if b"cache-control" not in given:
                    careful.append(NOT_KEPT)
                message["headers"] = [*message["headers"], *careful]
            await send(message)

        try:
            await self._router(scope, receive, send_carefully)
        except ClientGone:
            raise
        except Exception as problem:
            if scope["seen"].status:
                raise  # the answer has begun, so another cannot be given
            refusal = _refusal(problem, scope)
            response = await _told(refusal, scope, receive)
            for name, value in errors.extra_headers(refusal):
                response.headers[name.decode()] = value.decode()
            await response(scope, receive, send_carefully)


def _refusal(problem: Exception, scope: Scope) -> Refusal:
    match problem:
        case Refusal():
            refusal = problem
        case HTTPException(status_code=404):
            refusal = PathUnknown("nothing is served at this path")
        case HTTPException(status_code=405):
            refusal = MethodNotAllowed("this path takes another method", (problem.headers or {})["Allow"])
        case _:
            request_id = scope["seen"].request_id
            observe.log.error("fault", request_id=request_id, exc_info=problem)
            refusal = InternalError(f"internal error; request {request_id}")
    scope["seen"].code = refusal.code
    if isinstance(refusal, RateLimited) and scope["seen"].quota is not None:
        scope["services"].metrics.limited(scope["seen"].quota.policy)
    return refusal


async def _told(refusal: Refusal, scope: Scope, receive: Receive) -> Response:
    """The page of a refusal; who is not signed in is shown where to."""
    try:
        visitor = await visit.begin(scope, receive)
    except Refusal:
        visitor = visit.guest(scope, receive)  # the store is away, so nobody is known
    if isinstance(refusal, NotSignedIn):
        # What was to be sent is lost with the session; the page it was sent from is asked for again.
        wanted = visitor.here() if scope["method"] in ("GET", "HEAD") else visit.HOME
        return visitor.to(f"/console/sign-in?next={quote(wanted, safe='')}")
    return page(visitor, refusal)


def page(visitor: Visit, refusal: Refusal) -> Response:
    """The page that tells a refusal."""
    told = TOLD.get(type(refusal), "error.refused")
    status = errors.STATUS[type(refusal)]
    return visitor.page("error.html", status, told=told, request_id=visitor.seen.request_id)
