"""One decorator: what every call of the API has in common, in the order that the contract gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec import Struct
from starlette.types import Receive, Scope, Send

from remora import errors
from remora.engine import Engine
from remora.errors import (
    InvalidField,
    NoSuchBot,
    PairSuperseded,
    PermissionDenied,
    Refusal,
    TokenInvalid,
)
from remora.service import access, tokens
from remora.service.installation import Installation
from remora.service.tokens import Claims
from remora.storage.database import Transaction
from remora.web import auth, rate_limit
from remora.web import body as bodies
from remora.web.errors import ErrorResponse
from remora.web.observe import Observation
from remora.web.rate_limit import Limiter

COMMON_REFUSALS = (
    errors.InvalidField,
    errors.TokenInvalid,
    errors.PermissionDenied,
    errors.NoSuchBot,
    errors.PairSuperseded,
    errors.RateLimited,
    errors.InternalError,
)
"""What any call may be refused with, beside its own refusals."""

FAILED_AUTHENTICATION = (TokenInvalid, NoSuchBot, PairSuperseded, PermissionDenied)
JSON = (b"content-type", b"application/json")


class SecretBody(Protocol):
    """What every body has."""

    @property
    def secret(self) -> str: ...


Body = TypeVar("Body", bound=SecretBody)


@dataclass(frozen=True, slots=True)
class Services:
    """What an endpoint works with."""

    installation: Installation
    limiter: Limiter
    engine: Engine


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was let in: its bot is known and its pair has been proven."""

    services: Services
    bot_id: str
    claims: Claims
    now: int
    seen: Observation
    scope: Scope

    @property
    def installation(self) -> Installation:
        return self.services.installation


@dataclass(frozen=True, slots=True)
class About:
    """What the documentation says of a call."""

    summary: str
    description: str
    tag: str
    body: type[Struct]
    answer: type[Struct]
    success: str
    refusals: tuple[type[Refusal], ...]
    envelope: type[Struct] = ErrorResponse
    max_bytes: int = bodies.MAX_BYTES
    needs_key: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An ASGI application for one call. It has one verb: reading in the transaction that let the
    request in, or writing in one of its own, which is waited for.
    """

    about: About
    decoder: msgspec.json.Decoder[Any]
    takes_expired_token: bool
    reads: Callable[[Call, Any, Transaction], Struct] | None = None
    writes: Callable[[Call, Any], Awaitable[Struct]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        services: Services = scope["services"]
        seen: Observation = scope["seen"]
        raw = await bodies.read(scope, receive, self.about.max_bytes)
        try:
            answer = await self._answer(services, scope, raw, seen)
        except FAILED_AUTHENTICATION as failure:
            await services.limiter.ready(rate_limit.FAILED_AUTH, auth.address(scope))
            seen.quota, within = services.limiter.take(rate_limit.FAILED_AUTH, auth.address(scope))
            if not within:
                raise rate_limit.refusal(seen.quota) from failure
            raise
        await respond(send, 200, msgspec.json.encode(answer))

    async def _answer(self, services: Services, scope: Scope, raw: bytes, seen: Observation) -> Struct:
        installation = services.installation
        now = installation.clock.now()
        seen.bot_id = auth.bot_id(scope)
        claims = tokens.read(
            auth.bearer_token(scope), installation.signing_key, None if self.takes_expired_token else now
        )
        if claims.bot_id == seen.bot_id:
            await services.limiter.ready(rate_limit.BOT, claims.bot_id)
        with installation.database.read() as tx:
            caller = access.identify(tx, claims, seen.bot_id, now)
            body = self._admit(services, caller, raw, seen)
            call = Call(services, caller.bot_id, claims, now, seen, scope)
            if self.reads is not None:
                return self.reads(call, body, tx)
        assert self.writes is not None, "an endpoint reads or writes"
        return await self.writes(call, body)

    def _admit(self, services: Services, caller: access.Caller, raw: bytes, seen: Observation) -> Any:
        """Check secret, plan, rate and body, in this order: a body that is wrong elsewhere is only
        told so where its secret is right.
        """
        fault = None
        try:
            body = bodies.decode(self.decoder, raw)
            secret: str | None = body.secret
        except InvalidField as problem:
            fault, secret = problem, bodies.secret_of(raw)
        if secret is not None:
            caller.check_secret(secret)
        caller.check_plan()
        seen.quota, within = services.limiter.take(rate_limit.BOT, caller.bot_id)
        if not within:
            raise rate_limit.refusal(seen.quota)
        if fault is not None:
            raise fault
        return body


def reads(
    about: About, *, takes_expired_token: bool = False
) -> Callable[[Callable[[Call, Body, Transaction], Struct]], Endpoint]:
    """Make an endpoint of a verb that only reads."""

    def make(verb: Callable[[Call, Body, Transaction], Struct]) -> Endpoint:
        return Endpoint(about, msgspec.json.Decoder(about.body), takes_expired_token, reads=verb)

    return make


def writes(
    about: About, *, takes_expired_token: bool = False
) -> Callable[[Callable[[Call, Body], Awaitable[Struct]]], Endpoint]:
    """Make an endpoint of a verb that writes."""

    def make(verb: Callable[[Call, Body], Awaitable[Struct]]) -> Endpoint:
        return Endpoint(about, msgspec.json.Decoder(about.body), takes_expired_token, writes=verb)

    return make


async def respond(send: Send, status: int, content: bytes, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    """Send a JSON answer."""
    length = (b"content-length", b"%d" % len(content))
    await send({"type": "http.response.start", "status": status, "headers": [JSON, length, *(headers or [])]})
    await send({"type": "http.response.body", "body": content})
