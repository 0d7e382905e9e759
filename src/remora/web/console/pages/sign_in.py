"""Signing in and out, and choosing a language."""

from __future__ import annotations

from starlette.responses import Response

from remora.errors import PathUnknown, SignInLocked, SignInRefused
from remora.service import sessions
from remora.web import errors, observe, rate_limit
from remora.web.console import cookies, languages
from remora.web.console.visit import HOME, Visit, own_path


async def show(visit: Visit) -> Response:
    """The form, unless somebody is signed in already."""
    going_on = own_path(visit.query.get("next", HOME))
    return visit.to(going_on) if visit.who else _form(visit, going_on)


async def sign_in(visit: Visit) -> Response:
    """Open a session, always a new one, and go on where one wanted to go."""
    form = await visit.form()
    name, password, going_on = form.get("name", ""), form.get("password", ""), own_path(form.get("next", HOME))
    limiter = visit.services.limiter
    visit.seen.quota = limiter.look(rate_limit.FAILED_AUTH, visit.address)
    if visit.seen.quota.remaining == 0:
        raise rate_limit.refusal(visit.seen.quota)
    try:
        async with visit.shared.signing_in:
            opened = await visit.do(sessions.sign_in, name, password, visit.address)
    except (SignInRefused, SignInLocked) as refusal:
        await limiter.ready(rate_limit.FAILED_AUTH, visit.address)
        visit.seen.quota, within = limiter.take(rate_limit.FAILED_AUTH, visit.address)
        if not within:
            raise rate_limit.refusal(visit.seen.quota) from refusal
        # Without the name: people type passwords there.
        _note(visit, "sign-in refused", locked=isinstance(refusal, SignInLocked))
        return _form(visit, going_on, name, refusal)
    visit.keep(cookies.session(visit.scope, opened.token))
    visit.keep(cookies.gone(visit.scope, cookies.GUEST))
    _note(visit, "signed in", operator=opened.authority.operator)
    return visit.to(going_on)


async def sign_out(visit: Visit) -> Response:
    """End this session."""
    await visit.form()
    assert visit.token is not None, "who is signed in has a token"
    await visit.do(sessions.sign_out, visit.token)
    visit.keep(cookies.gone(visit.scope, cookies.SESSION))
    _note(visit, "signed out", operator=visit.authority.operator)
    return visit.to("/console/sign-in")


async def sign_out_everywhere(visit: Visit) -> Response:
    """End every session of whoever asks."""
    await visit.form()
    await visit.do(sessions.sign_out_everywhere, visit.authority)
    visit.keep(cookies.gone(visit.scope, cookies.SESSION))
    _note(visit, "signed out everywhere", operator=visit.authority.operator)
    return visit.to("/console/sign-in")


async def speak(visit: Visit) -> Response:
    """Remember the language that was chosen, and go back."""
    tag = visit.part("tag")
    if tag not in languages.TAGS:
        raise PathUnknown("there is no such language")
    visit.keep(cookies.language(visit.scope, tag))
    return visit.to(own_path(visit.query.get("next", HOME)))


def _form(visit: Visit, going_on: str, name: str = "", refusal: SignInRefused | SignInLocked | None = None) -> Response:
    status = errors.STATUS[type(refusal)] if refusal else 200
    wrong = None
    if isinstance(refusal, SignInLocked):
        wrong = visit.language("sign_in.locked", minutes=-(-refusal.retry_after_seconds // 60))
    elif refusal is not None:
        wrong = visit.language("sign_in.refused")
    response = visit.page("sign_in.html", status, next=going_on, name=name, wrong=wrong)
    if refusal is not None:
        visit.seen.code = refusal.code
        for header, value in errors.extra_headers(refusal):
            response.headers[header.decode()] = value.decode()
    return response


def _note(visit: Visit, what: str, **details: object) -> None:
    """A line in the log, for whoever asks one day who was here."""
    observe.log.info(what, request_id=visit.seen.request_id, address=visit.address, **details)
