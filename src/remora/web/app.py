"""The composition root: routes, services and what surrounds every request."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Sequence

from starlette.exceptions import HTTPException
from starlette.routing import Router
from starlette.types import Message, Receive, Scope, Send

from remora.errors import InternalError, MethodNotAllowed, PathUnknown, RateLimited, Refusal
from remora.service.installation import Installation
from remora.settings import MIB, Settings
from remora.web import auth, errors, observe, rate_limit, routes, tally, tracing
from remora.web.body import ClientGone
from remora.web.callers import Callers
from remora.web.endpoint import Services
from remora.web.errands import Errands
from remora.web.exchange import Exchange
from remora.web.figures import Figures
from remora.web.file_lessor import FileLessor
from remora.web.hurry import Hurry
from remora.web.local_limiter import LocalLimiter
from remora.web.metrics import Metrics
from remora.web.observe import CLIENT_GONE_STATUS, Observation
from remora.web.rate_limit import Limiter
from remora.web.run import Run
from remora.web.shared_limiter import SharedLimiter
from remora.web.store import Store
from remora.web.tracing import Tracing

Headers = Sequence[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")
REPLAYED = (b"idempotent-replayed", b"true")


class Application:
    """The ASGI application. It turns whatever a request comes to into one answer, one log line and one count."""

    def __init__(
        self,
        installation: Installation,
        settings: Settings,
        traces: Tracing | None = None,
        run: Run | None = None,
    ) -> None:
        """Without `traces` there are those that the environment asks for, if any. `run`: where this process meets the
        others of its server, if there are several.
        """
        limiter = _limiter(settings, run)
        metrics = Metrics(tally.opened(settings.metrics_dir))
        self._tracing = traces or tracing.start(os.environ)
        self.services = Services(
            installation=installation,
            limiter=limiter,
            store=Store(installation, settings, metrics, self._tracing, None if run is None else run.writer),
            callers=Callers(),
            metrics=metrics,
            figures=Figures(metrics, installation.database, limiter),
            metrics_for=settings.metrics,
            errands=Errands(),
            upload_limit_bytes=settings.upload_limit_mib * MIB,
        )
        self._router = Router(routes.every(), redirect_slashes=False)
        self._hurry = Hurry()
        # The calls' paths are fixed, so that one look into a dictionary leads there; the router has all the rest.
        self._calls = {route.path: route for route in routes.API}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        seen = observe.begin(scope)
        if self._tracing is None:
            await self._answer(scope, receive, send, seen)
        else:
            with self._tracing.request(scope, seen):
                await self._answer(scope, receive, send, seen)

    def close(self) -> None:
        """Finish the writes that were accepted; the installation is the caller's to close."""
        self.services.errands.close()
        self.services.store.close()
        self.services.limiter.close()
        self.services.figures.close()
        self.services.metrics.tally.close()
        observe.finish_all()
        if self._tracing is not None:
            self._tracing.close()

    async def _answer(self, scope: Scope, receive: Receive, send: Send, seen: Observation) -> None:
        scope["services"], scope["seen"] = self.services, seen
        exchange = Exchange(scope, receive, send)
        try:
            call = self._calls.get(scope["path"]) if scope["method"] == "POST" else None
            if call is None:
                scope["app"] = self  # without it the router would answer by itself what it does not know
                await self._router(scope, receive, self._noting(scope, send, seen))
            else:
                scope["route"] = call
                content = await call.endpoint(scope, exchange)
                await self._respond(scope, exchange, seen, 200, content)
        except ClientGone:
            seen.status = CLIENT_GONE_STATUS
        except Exception as problem:
            if seen.status:
                raise  # the answer has begun, so another cannot be given
            refusal = _refusal(problem, seen)
            seen.code = refusal.code
            if isinstance(refusal, RateLimited) and seen.quota is not None:
                self.services.metrics.limited(seen.quota.policy)
            content = errors.envelope(refusal, seen.bot_id)
            status = errors.STATUS[type(refusal)]
            await self._respond(scope, exchange, seen, status, content, errors.extra_headers(refusal))
        finally:
            seconds = time.perf_counter() - seen.started
            observe.finish(scope, seen, seconds)
            self.services.metrics.answered(scope, seen, seconds)

    def _respond(
        self, scope: Scope, exchange: Exchange, seen: Observation, status: int, content: bytes, extra: Headers = ()
    ) -> Awaitable[None]:
        """Send a JSON answer."""
        seen.status = status
        length = (b"content-length", b"%d" % len(content))
        headers = [JSON, length, *extra, *self._headers(scope, seen)]
        hurried = seen.looked_up is not None and self.services.store.hurries() and self._hurry.take()
        return exchange.answer(status, headers, content, hurried=hurried)

    def _noting(self, scope: Scope, send: Send, seen: Observation) -> Send:
        """Sends what the router's applications answer, with the headers that every answer has."""

        async def send_noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
                message["headers"] = [*message["headers"], *self._headers(scope, seen)]
            await send(message)

        return send_noted

    def _headers(self, scope: Scope, seen: Observation) -> Headers:
        """The request id, and the limit that applies: the bot's once it is known, else the address's."""
        quota = seen.quota or self.services.limiter.look(rate_limit.FAILED_AUTH, auth.address(scope))
        own = (b"x-request-id", seen.request_id.encode())
        return [own, *quota.headers(), REPLAYED] if seen.replayed else [own, *quota.headers()]


def _limiter(settings: Settings, run: Run | None) -> Limiter:
    rates = {rate_limit.BOT: settings.rate_limit, rate_limit.FAILED_AUTH: settings.failed_auth_limit}
    if settings.redis_url is not None:
        from remora.web.redis_lessor import RedisLessor  # noqa: PLC0415 (the client takes a third of a second to load)

        return SharedLimiter(RedisLessor(settings.redis_url), rates)
    if run is not None:
        return SharedLimiter(FileLessor(run.limits), rates)
    return LocalLimiter(rates)


def _refusal(problem: Exception, seen: Observation) -> Refusal:
    """What the caller is told of a problem: nothing of the inside, where it is a fault of ours."""
    match problem:
        case Refusal():
            return problem
        case HTTPException(status_code=404):
            return PathUnknown("nothing is served at this path")
        case HTTPException(status_code=405):
            allowed = ", ".join(sorted((problem.headers or {})["Allow"].split(", ")))
            return MethodNotAllowed(f"this path takes {allowed}", allowed)
    observe.log.error("fault", request_id=seen.request_id, exc_info=problem)
    return InternalError(f"internal error; request {seen.request_id}")
