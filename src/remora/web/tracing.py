"""Traces, where they are asked for: by OpenTelemetry's own variables, and with the extra `otel` installed.

Where they are not, nothing of OpenTelemetry is imported and no request does anything for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol
from urllib.parse import urlsplit

from starlette.types import Scope

from remora.engine import Watch
from remora.web import observe
from remora.web.observe import Observation

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
SPOKEN = "http/protobuf"


class Tracing(Protocol):
    """Makes a span of each request, and one of each batch that carried requests out."""

    def request(self, scope: Scope, seen: Observation) -> AbstractContextManager[None]:
        """The span of a request, which ends with the block; what was seen by then goes into it."""
        ...

    def current(self) -> str | None:
        """The request that this is called in, to be told to an engine, here or in another process, as the sender of its
        item: a `traceparent` of W3C's.
        """
        ...

    def batches(self, engine: str) -> Watch:
        """Makes the spans of one engine's batches."""
        ...

    def close(self) -> None:
        """Export what is left, for a bounded time."""
        ...


def start(environment: Mapping[str, str]) -> Tracing | None:
    """Traces as the environment wants them. If it wants some that cannot be had, that is one line in the log, and the
    server goes on without: these variables are often set for a whole machine.
    """
    if not wanted(environment):
        return None
    against = _reason_against(environment)
    if against is None:
        try:
            from remora.web.otel import OtelTracing, otlp  # noqa: PLC0415 (slow to load, and perhaps not there)

            return OtelTracing(otlp())
        except ImportError:
            against = "the extra is not installed: pip install 'remora[otel]'"
        except Exception as problem:  # noqa: BLE001 (the SDK reads many variables, and each fails in its own way)
            # Without its text, which may repeat what a variable holds: headers with tokens are among them.
            against = f"a variable OTEL_… is wrong: {type(problem).__name__}"
    observe.log.warning("tracing off", reason=against)
    return None


def wanted(environment: Mapping[str, str]) -> bool:
    """Whether an endpoint is named, and nothing says that there is to be no export."""
    off = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    no_traces = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none"
    return bool(_first(environment, ENDPOINTS)) and not off and not no_traces


def _reason_against(environment: Mapping[str, str]) -> str | None:
    """Why traces cannot be exported as the variables say, if so. The endpoint is not repeated: it may have a password
    in it, which the exporter would log.
    """
    protocol = _first(environment, PROTOCOLS) or SPOKEN
    if protocol != SPOKEN:
        return f"traces are exported as {SPOKEN} only, not as {protocol}"
    try:
        parts = urlsplit(_first(environment, ENDPOINTS))
        is_url = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    return None if is_url else "the endpoint is not a URL that begins with http:// or https://"


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> str:
    """The first of some variables that is set to something."""
    return next((value for name in names if (value := environment.get(name, "").strip())), "")
