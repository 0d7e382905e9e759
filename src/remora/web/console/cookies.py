"""The console's cookies: a session's token, a guest's, and the language that was chosen."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie

from starlette.types import Scope

from remora.service.sessions import LIFE_SECONDS

SESSION, GUEST, LANGUAGE = "remora_session", "remora_guest", "remora_language"
PATH = "/console"
YEAR_SECONDS = 365 * 86_400


def is_secure(scope: Scope) -> bool:
    """Whether the browser came over TLS, to us or to a proxy whose word we take."""
    return bool(scope.get("scheme") == "https")


def read(scope: Scope, name: str) -> str | None:
    """A cookie's value. Over TLS only one that was set over TLS counts: others can be set by whoever is in between."""
    jar: SimpleCookie = SimpleCookie()
    for header, value in scope["headers"]:
        if header == b"cookie":
            try:
                jar.load(value.decode("latin-1"))
            except CookieError:
                continue
    morsel = jar.get(_full(scope, name))
    return morsel.value if morsel else None


def session(scope: Scope, token: str) -> str:
    """The header's value that keeps a session's token in the browser, as long as a session may last."""
    return _cookie(scope, SESSION, token, LIFE_SECONDS)


def guest(scope: Scope, token: str) -> str:
    return _cookie(scope, GUEST, token, LIFE_SECONDS)


def language(scope: Scope, tag: str) -> str:
    return _cookie(scope, LANGUAGE, tag, YEAR_SECONDS)


def gone(scope: Scope, name: str) -> str:
    """Lets the browser forget one."""
    return _cookie(scope, name, "", 0)


def _cookie(scope: Scope, name: str, value: str, seconds: int) -> str:
    secure = "; Secure" if is_secure(scope) else ""
    return f"{_full(scope, name)}={value}; Path={PATH}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"


def _full(scope: Scope, name: str) -> str:
    return f"__Secure-{name}" if is_secure(scope) else name
