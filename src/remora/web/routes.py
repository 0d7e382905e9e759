"""Every URL, on one page."""

from __future__ import annotations

from starlette.routing import Route

from remora.web import documents, health, openapi, scrape
from remora.web.calls import batch, clients, credentials, history, lookup, orders
from remora.web.console import routes as console_routes
from remora.web.console.app import Console
from remora.web.openapi import Document

BASE = "/api"

API = [
    Route(f"{BASE}/openapi/client/point", lookup.get_client_points, methods=["POST"]),
    Route(f"{BASE}/openapi/token", credentials.exchange_token, methods=["POST"]),
    Route(f"{BASE}/openapi/client/register", clients.register, methods=["POST"]),
    Route(f"{BASE}/openapi/client/point/grant", orders.grant, methods=["POST"]),
    Route(f"{BASE}/openapi/client/point/spend", orders.spend, methods=["POST"]),
    Route(f"{BASE}/openapi/client/point/hold", orders.hold, methods=["POST"]),
    Route(f"{BASE}/openapi/client/point/capture", orders.capture, methods=["POST"]),
    Route(f"{BASE}/openapi/client/point/release", orders.release, methods=["POST"]),
    Route(f"{BASE}/openapi/client/point/reverse", orders.reverse, methods=["POST"]),
    Route(f"{BASE}/openapi/client/point/batch", batch.batch, methods=["POST"]),
    Route(f"{BASE}/openapi/client/point/history", history.history, methods=["POST"]),
    Route(f"{BASE}/openapi/client/point/explain", history.explain, methods=["POST"]),
]

OPERATION = [
    Route("/healthz", health.alive),
    Route("/readyz", health.ready),
    Route("/metrics", scrape.metrics),
]


def api_document() -> Document:
    """The OpenAPI document of the calls."""
    return openapi.document(API, BASE)


def every() -> list[Route]:
    """The calls, then `/api/openapi.json` and `/api/docs`, which describe them, then the probes and the metrics, and
    the console, which has a page of its own for its URLs.
    """
    console = Console()
    return [
        *API,
        *documents.routes(api_document(), BASE),
        *OPERATION,
        Route(console_routes.BASE, console),
        Route(f"{console_routes.BASE}/{{rest:path}}", console),
    ]
