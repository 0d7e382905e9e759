"""One decorator: what every call of the API has in common, in the order that the contract gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec import Struct
from starlette.types import Scope

from remora import errors
from remora.errors import (
    InvalidField,
    NoSuchBot,
    PairSuperseded,
    PermissionDenied,
    Refusal,
    TokenInvalid,
)
from remora.service import access, tokens
from remora.service.desk import Result
from remora.service.installation import Installation
from remora.service.lookup import LookedUp, Question, Wanted
from remora.service.orders import Job, Order
from remora.service.tokens import Claims
from remora.settings import MetricsFor
from remora.storage.database import Transaction
from remora.web import auth, rate_limit
from remora.web import body as bodies
from remora.web.callers import Callers
from remora.web.errands import Errands
from remora.web.errors import ErrorResponse
from remora.web.exchange import Exchange
from remora.web.figures import Figures
from remora.web.metrics import Metrics
from remora.web.observe import Observation
from remora.web.rate_limit import Limiter
from remora.web.store import Store

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
NOTHING = Wanted()

_encode = msgspec.json.Encoder().encode


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
    store: Store
    callers: Callers
    metrics: Metrics
    figures: Figures
    metrics_for: MetricsFor
    errands: Errands
    upload_limit_bytes: int


class Call(Struct):
    """A request that was let in: its bot is known, and its pair has been `proven`, or is proven by whoever carries out
    its orders.
    """

    services: Services
    bot_id: str
    claims: Claims
    now: int
    seen: Observation
    scope: Scope
    proven: bool = True

    @property
    def installation(self) -> Installation:
        return self.services.installation

    def write(self, orders: tuple[Order, ...], *, atomic: bool = False, dry_run: bool = False) -> Awaitable[Result]:
        """Queue orders of this bot, and wait until they are decided and on disk."""
        token_id = None if self.proven else self.claims.token_id
        self.proven = True
        return self.services.store.write(self.bot_id, Job(orders, atomic, dry_run, token_id))


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
    """One call, which gives the content of its answer, or raises. It has one verb: looking up, for which what is
    wanted is read together with who asks; reading; or writing, which is waited for. Of a caller who was let in before,
    what only `gives_orders` is read together with them, too.
    """

    about: About
    decoder: msgspec.json.Decoder[Any]
    takes_expired_token: bool = False
    gives_orders: bool = False
    wants: Callable[[Any], Wanted] | None = None
    looks_up: Callable[[Observation, Any, LookedUp], Struct] | None = None
    reads: Callable[[Call, Any, Transaction], Struct] | None = None
    writes: Callable[[Call, Any], Awaitable[Struct]] | None = None

    async def __call__(self, scope: Scope, exchange: Exchange) -> bytes:
        services: Services = scope["services"]
        seen: Observation = scope["seen"]
        raw = exchange.body(self.about.max_bytes)
        if raw is None:
            raw = await bodies.read(seen.headers, exchange.receive, self.about.max_bytes)
        try:
            return _encode(await self._answer(services, scope, raw, seen))
        except FAILED_AUTHENTICATION as failure:
            await services.limiter.ready(rate_limit.FAILED_AUTH, auth.address(scope))
            seen.quota, within = services.limiter.take(rate_limit.FAILED_AUTH, auth.address(scope))
            if not within:
                raise rate_limit.refusal(seen.quota) from failure
            raise

    async def _answer(self, services: Services, scope: Scope, raw: bytes, seen: Observation) -> Struct:
        now = services.installation.clock.now()
        bot_id = seen.bot_id = auth.bot_id(scope)
        claims = tokens.read(
            auth.bearer_token(seen.headers),
            services.installation.signing_key,
            None if self.takes_expired_token else now,
        )
        if bot_id is None:
            raise NoSuchBot("the query parameter botId must be given once, and be a bot's id")
        body = self._decode(raw)
        if self.gives_orders and self._was_let_in(services, claims, bot_id, now, body):
            return await self._ordered(Call(services, bot_id, claims, now, seen, scope, proven=False), body)
        known = await services.store.look_up(bot_id, Question(claims.token_id, self._wanted(claims, bot_id, body)))
        if self.looks_up is not None and known.caller is not None:
            seen.looked_up = bot_id
        caller = access.identify(known.caller, claims, bot_id, now)
        # Mostly not, and then there is no coroutine to be made for it.
        if services.limiter.needs_ask(rate_limit.BOT, bot_id):
            await services.limiter.ready(rate_limit.BOT, bot_id)
        self._admit(services, caller, body, raw, seen)
        if self.gives_orders and known.caller is not None:
            services.callers.note(bot_id, claims.token_id, known.caller)
        if self.looks_up is not None:
            return self.looks_up(seen, body, known.found)
        call = Call(services, bot_id, claims, now, seen, scope)
        if self.reads is not None:
            return await services.store.read(partial(self.reads, call, body))
        assert self.writes is not None, "an endpoint looks up, reads or writes"
        return await self.writes(call, body)

    def _decode(self, raw: bytes) -> Any:
        """The body; or what is wrong with it, which is told only where everything before it is right."""
        try:
            return bodies.decode(self.decoder, raw)
        except InvalidField as fault:
            return fault

    def _wanted(self, claims: Claims, bot_id: str, body: Any) -> Wanted:
        """Nothing, where it is known already that it will not be told."""
        if self.wants is None or isinstance(body, InvalidField) or claims.bot_id != bot_id:
            return NOTHING
        return self.wants(body)

    def _admit(self, services: Services, caller: access.Caller, body: Any, raw: bytes, seen: Observation) -> None:
        """Check secret, plan, rate and body, in this order: a body that is wrong elsewhere is only
        told so where its secret is right.
        """
        secret: str | None = bodies.secret_of(raw) if isinstance(body, InvalidField) else body.secret
        if secret is not None:
            caller.check_secret(secret)
        caller.check_plan()
        self._count(services, caller.bot_id, seen)
        if isinstance(body, InvalidField):
            raise body

    def _count(self, services: Services, bot_id: str, seen: Observation) -> None:
        seen.quota, within = services.limiter.take(rate_limit.BOT, bot_id)
        if not within:
            raise rate_limit.refusal(seen.quota)

    def _was_let_in(self, services: Services, claims: Claims, bot_id: str, now: int, body: Any) -> bool:
        """Whether the caller would be let in for what was known of them before."""
        known = services.callers.find(bot_id, claims.token_id)
        if known is None or isinstance(body, InvalidField):
            return False
        try:
            caller = access.identify(known, claims, bot_id, now)
            caller.check_secret(body.secret)
            caller.check_plan()
        except FAILED_AUTHENTICATION:
            return False
        return True

    async def _ordered(self, call: Call, body: Any) -> Struct:
        """Have orders carried out, if their caller is still let in; or prove it here, if it does not come to that."""
        assert self.writes is not None
        services = call.services
        try:
            if services.limiter.needs_ask(rate_limit.BOT, call.bot_id):
                await services.limiter.ready(rate_limit.BOT, call.bot_id)
            self._count(services, call.bot_id, call.seen)
            return await self.writes(call, body)
        except FAILED_AUTHENTICATION:
            services.callers.forget(call.bot_id, call.claims.token_id)
            raise
        finally:
            if not call.proven:
                # Fresh from here on, whatever comes of it.
                services.callers.forget(call.bot_id, call.claims.token_id)
                known = await services.store.look_up(call.bot_id, Question(call.claims.token_id))
                access.check_again(known.caller, call.now)


def looks_up(
    about: About, wants: Callable[[Body], Wanted]
) -> Callable[[Callable[[Observation, Body, LookedUp], Struct]], Endpoint]:
    """Make an endpoint of a verb that answers with clients' points; `wants` says whose."""

    def make(verb: Callable[[Observation, Body, LookedUp], Struct]) -> Endpoint:
        return Endpoint(about, msgspec.json.Decoder(about.body), wants=wants, looks_up=verb)

    return make


def reads(about: About) -> Callable[[Callable[[Call, Body, Transaction], Struct]], Endpoint]:
    """Make an endpoint of a verb that only reads."""

    def make(verb: Callable[[Call, Body, Transaction], Struct]) -> Endpoint:
        return Endpoint(about, msgspec.json.Decoder(about.body), reads=verb)

    return make


def writes(
    about: About, *, takes_expired_token: bool = False, gives_orders: bool = False
) -> Callable[[Callable[[Call, Body], Awaitable[Struct]]], Endpoint]:
    """Make an endpoint of a verb that writes; one that `gives_orders` writes by `Call.write` alone."""

    def make(verb: Callable[[Call, Body], Awaitable[Struct]]) -> Endpoint:
        return Endpoint(about, msgspec.json.Decoder(about.body), takes_expired_token, gives_orders, writes=verb)

    return make
