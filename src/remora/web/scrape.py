"""`GET /metrics`: what this process and those beside it have counted. It asks for no token, so not everyone is told."""

from __future__ import annotations

import asyncio
from functools import partial

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

import remora
from remora.errors import PathUnknown, Refusal
from remora.service import installation
from remora.settings import MetricsFor
from remora.web import exposition, families
from remora.web.endpoint import Services
from remora.web.tally import Reading

READY_SECONDS = 2.0
"""A database that has not answered by then is not ready. Prometheus waits for ten seconds, for all of it."""

PASSED_ON = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
"""What proxies add to a request; a caller cannot take it away again."""


async def metrics(request: Request) -> Response:
    """Every metric; 404 for those whom the settings do not tell, and 503 if other workers' numbers cannot be read."""
    services: Services = request.scope["services"]
    if not told(services.metrics_for, request.headers):
        raise PathUnknown("nothing is served at this path")
    ready = await _is_ready(services)
    content, content_type = await asyncio.to_thread(_text, services, request.headers.get("accept", ""), ready=ready)
    return Response(content, headers={"content-type": content_type})


def told(metrics_for: MetricsFor, headers: Headers) -> bool:
    """Whether the metrics are for a request with these headers."""
    if metrics_for is MetricsFor.DIRECT:
        return not any(name in headers for name in PASSED_ON)
    return metrics_for is MetricsFor.ALL


def _text(services: Services, accept: str, *, ready: bool) -> tuple[bytes, str]:
    services.figures.look()
    known_only_now = {(families.READY.name,): [float(ready)], (families.BUILD_INFO.name, remora.__version__): [1.0]}
    now = Reading(worker=0, lives=True, cells=known_only_now)
    return exposition.text([*services.metrics.tally.readings(), now], accept)


async def _is_ready(services: Services) -> bool:
    try:
        asked = services.store.run(partial(installation.ready, services.installation))
        await asyncio.wait_for(asked, READY_SECONDS)
    except (Refusal, TimeoutError):
        return False
    return True
