"""What describes the API: the OpenAPI document, and a page that shows it to a person."""

from __future__ import annotations

import json

from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from remora.web import openapi
from remora.web.openapi import Document

# The page has one style sheet of its own and nothing else; whatever could be injected would not run.
PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def routes(document: Document, base: str) -> list[Route]:
    """Where the document and its page are served. Both are made once, here."""
    content, page = as_text(document).encode(), _page(document)

    def openapi_json(_: Request) -> Response:
        return Response(content, media_type="application/json")

    def docs_page(_: Request) -> Response:
        headers = {"content-security-policy": PAGE_POLICY, "x-content-type-options": "nosniff"}
        return HTMLResponse(page, headers=headers)

    return [Route(f"{base}/openapi.json", openapi_json), Route(f"{base}/docs", docs_page)]


def as_text(document: Document) -> str:
    """The document as it is served and printed."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _page(document: Document) -> str:
    templates = Environment(loader=PackageLoader("remora.web"), autoescape=True)
    templates.filters["code"] = _with_code
    return templates.get_template("docs.html").render(api=document, resolve=openapi.resolve)


def _with_code(text: str) -> Markup:
    """Show what stands between backticks, the one mark-up of our descriptions, as code."""
    parts = [
        Markup("<code>%s</code>") % part if place % 2 else escape(part) for place, part in enumerate(text.split("`"))
    ]
    return Markup("").join(parts)
