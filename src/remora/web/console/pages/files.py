"""What the pages are dressed with."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from remora.web.console import static


async def asset(request: Request) -> Response:
    """A file, to be kept for ever: another version has another name."""
    found = static.asset(request.path_params["name"])
    headers = {"content-type": found.content_type, "cache-control": "public, max-age=31536000, immutable"}
    return Response(found.content, headers=headers)
