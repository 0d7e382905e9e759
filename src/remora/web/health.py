"""Two probes: is the process alive, and can it answer."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse

from remora.service import installation
from remora.web.endpoint import Services


async def alive(_: Request) -> JSONResponse:
    """200 as long as the process answers at all."""
    return JSONResponse({"status": "ok"})


async def ready(request: Request) -> JSONResponse:
    """200 if the database answers and fits this version; else the refusal says why, with 503."""
    services: Services = request.scope["services"]
    await services.store.run(partial(installation.ready, services.installation))
    return JSONResponse({"status": "ready"})
