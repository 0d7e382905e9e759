"""Every URL, on one page."""

from __future__ import annotations

from starlette.routing import Route

from remora.web import calls, documents, health, openapi
from remora.web.openapi import Document

BASE = "/api"

API = [
    Route(f"{BASE}/openapi/client/point", calls.get_client_points, methods=["POST"]),
    Route(f"{BASE}/openapi/token", calls.exchange_token, methods=["POST"]),
]

HEALTH = [
    Route("/healthz", health.alive),
    Route("/readyz", health.ready),
]


def api_document() -> Document:
    """The OpenAPI document of the calls."""
    return openapi.document(API, BASE)


def every() -> list[Route]:
    """The calls, then `/api/openapi.json` and `/api/docs`, which describe them, then the probes."""
    return [*API, *documents.routes(api_document(), BASE), *HEALTH]
