"""Traces by OpenTelemetry's SDK: a server span for each request, and in it the batch that carried it out.

Names of attributes are those of OpenTelemetry's conventions for HTTP, and our own begin with `remora.`. No token, no
secret, no query string, no id of a client and no text of an error is in a span.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import Scope

import remora
from remora.web.metrics import METHODS
from remora.web.observe import CLIENT_GONE_STATUS, PATH_CHARACTERS, Observation

FLUSH_SECONDS = 3.0
"""A stop waits so long at most for a collector that takes no spans."""

FAULT_STATUS = 500

_HEADERS = (b"traceparent", b"tracestate")
_w3c = TraceContextTextMapPropagator()


def otlp() -> SpanProcessor:
    """Exports to the collector that the standard variables name, from a thread of its own."""
    logging.getLogger("opentelemetry.util.re").addFilter(_without_values)
    return BatchSpanProcessor(OTLPSpanExporter())


class OtelTracing:
    """As `Tracing` says; spans go to `processor`."""

    def __init__(self, processor: SpanProcessor) -> None:
        self._provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("remora", remora.__version__)

    @contextmanager
    def request(self, scope: Scope, seen: Observation) -> Iterator[None]:
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        carrier = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _HEADERS}
        span = self._tracer.start_span(
            _name(method, None),
            context=_w3c.extract(carrier),
            kind=SpanKind.SERVER,
            attributes={
                "http.request.method": method,
                "url.scheme": scope["scheme"],
                "url.path": scope["path"][:PATH_CHARACTERS],
                "remora.request_id": seen.request_id,
            },
        )
        seen.trace_id = trace.format_trace_id(span.get_span_context().trace_id)
        try:
            with trace.use_span(span, record_exception=False, set_status_on_exception=False):
                yield
        finally:
            _complete(span, method, scope, seen)
            span.end()

    def current(self) -> str | None:
        carrier: dict[str, str] = {}
        _w3c.inject(carrier)
        return carrier.get("traceparent")

    def batches(self, engine: str) -> BatchSpans:
        return BatchSpans(self._tracer, engine)

    def close(self) -> None:
        # The SDK would wait as long as its exporter tries, half a minute.
        flush = threading.Thread(target=self._provider.shutdown, name="remora-flush", daemon=True)
        flush.start()
        flush.join(FLUSH_SECONDS)


class BatchSpans:
    """Makes a span of each batch, in the first request that it carried out, and linked to the others."""

    def __init__(self, tracer: Tracer, engine: str) -> None:
        self._tracer = tracer
        self._engine = engine

    def waiting(self, weight: int) -> None: ...

    def done(self, weight: int, seconds: float, senders: Sequence[object]) -> None:
        traced = [each for sender in senders if isinstance(sender, str) and (each := _read(sender)).trace_flags.sampled]
        if not traced:
            return
        ended = time.time_ns()
        self._tracer.start_span(
            f"batch {self._engine}",
            context=trace.set_span_in_context(NonRecordingSpan(traced[0])),
            links=[Link(each) for each in traced[1:]],
            attributes={"remora.engine": self._engine, "remora.batch_items": weight},
            start_time=ended - int(seconds * 1e9),
        ).end(ended)


def _read(traceparent: str) -> SpanContext:
    context = _w3c.extract({"traceparent": traceparent})
    return trace.get_current_span(context).get_span_context()


def _without_values(record: logging.LogRecord) -> bool:
    """Keep what is told of a header that is not well formed, but not the header: it may be a token."""
    record.args = ("(not shown)",) * len(record.args or ())
    return True


def _name(method: str, route: str | None) -> str:
    return " ".join(part for part in ("HTTP" if method == "_OTHER" else method, route) if part)


def _complete(span: Span, method: str, scope: Scope, seen: Observation) -> None:
    """Add what was not known at the beginning."""
    if "route" in scope:
        route = scope["route"].path
        span.update_name(_name(method, route))
        span.set_attribute("http.route", route)
    if seen.status == CLIENT_GONE_STATUS:
        span.set_attribute("error.type", "client gone")
    else:
        span.set_attribute("http.response.status_code", seen.status)
    if seen.status >= FAULT_STATUS:
        span.set_attribute("error.type", str(seen.status))
        span.set_status(Status(StatusCode.ERROR))
    if seen.code is not None:
        span.set_attribute("remora.error_code", seen.code)
    if seen.bot_id is not None:
        span.set_attribute("remora.bot", seen.bot_id)


def _resource() -> Resource:
    """What the standard variables say of this service; unless they name it, it is remora."""
    told = Resource.create({SERVICE_VERSION: remora.__version__})
    unnamed = str(told.attributes[SERVICE_NAME]).startswith("unknown_service")
    return told.merge(Resource({SERVICE_NAME: "remora"})) if unnamed else told
