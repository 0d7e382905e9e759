"""The composition root: routes, services and what surrounds every request."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.routing import Router
from starlette.types import Message, Receive, Scope, Send

from remora.errors import InternalError, MethodNotAllowed, PathUnknown, Refusal
from remora.service.installation import Installation
from remora.settings import Settings
from remora.web import auth, errors, observe, rate_limit, routes
from remora.web.body import ClientGone
from remora.web.endpoint import Services, respond
from remora.web.local_limiter import LocalLimiter
from remora.web.observe import Observation
from remora.web.rate_limit import Limiter
from remora.web.store import Store

CLIENT_GONE_STATUS = 499  # as nginx logs it; nobody is there to receive it


class Application:
    """The ASGI application. It turns whatever a request comes to into one answer and one log line."""

    def __init__(self, installation: Installation, settings: Settings) -> None:
        self.services = Services(installation, _limiter(settings), Store(installation, settings))
        self._router = Router(routes.every(), redirect_slashes=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        seen = observe.begin(scope)
        scope.update({"app": self, "services": self.services, "seen": seen})

        async def send_noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
                message["headers"] = [*message["headers"], *self._headers(scope, seen)]
            await send(message)

        try:
            await self._router(scope, receive, send_noted)
        except ClientGone:
            seen.status = CLIENT_GONE_STATUS
        except Exception as problem:
            if seen.status:
                raise  # the answer has begun, so another cannot be given
            refusal = _refusal(problem, seen)
            seen.code = refusal.code
            content = errors.envelope(refusal, seen.bot_id)
            await respond(send_noted, errors.STATUS[type(refusal)], content, errors.extra_headers(refusal))
        finally:
            observe.finish(scope, seen)

    def close(self) -> None:
        """Finish the writes that were accepted; the installation is the caller's to close."""
        self.services.store.close()
        self.services.limiter.close()

    def _headers(self, scope: Scope, seen: Observation) -> list[tuple[bytes, bytes]]:
        """The request id, and the limit that applies: the bot's once it is known, else the address's."""
        quota = seen.quota or self.services.limiter.look(rate_limit.FAILED_AUTH, auth.address(scope))
        replayed = [(b"idempotent-replayed", b"true")] if seen.replayed else []
        return [(b"x-request-id", seen.request_id.encode()), *quota.headers(), *replayed]


def _limiter(settings: Settings) -> Limiter:
    rates = {rate_limit.BOT: settings.rate_limit, rate_limit.FAILED_AUTH: settings.failed_auth_limit}
    if settings.redis_url is None:
        return LocalLimiter(rates)
    from remora.web.shared_limiter import SharedLimiter  # noqa: PLC0415 (the client takes a third of a second to load)

    return SharedLimiter(settings.redis_url, rates)


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
