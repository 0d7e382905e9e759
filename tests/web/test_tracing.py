"""Spans: one for each request, by OpenTelemetry's conventions for HTTP, and one for each batch."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, SpanKind, StatusCode, TraceFlags
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

import remora
from remora.service.installation import Installation
from remora.settings import Settings
from remora.web import tracing
from remora.web.app import Application
from remora.web.otel import OtelTracing
from tests.cast import POINT, Api, Shop
from tests.eventually import until
from tests.log_lines import request_line

TRACE_ID, PARENT_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, NOT_SAMPLED = f"00-{TRACE_ID}-{PARENT_ID}-01", f"00-{TRACE_ID}-{PARENT_ID}-00"


@dataclass
class Traced(Api):
    """The API, and the spans that its calls have made."""

    exporter: InMemorySpanExporter
    busy: set[int]

    def spans(self) -> list[ReadableSpan]:
        # A request's span ends after its answer was sent.
        until(lambda: not self.busy)
        return list(self.exporter.get_finished_spans())

    def of_requests(self) -> list[ReadableSpan]:
        return [span for span in self.spans() if span.kind is SpanKind.SERVER]

    def of_batches(self, engine: str = "writer") -> list[ReadableSpan]:
        return [span for span in self.spans() if span.name == f"batch {engine}"]


@pytest.fixture
def api(switchboard: Any, installation: Installation, settings: Settings) -> Iterator[Traced]:
    board, url = switchboard
    exporter = InMemorySpanExporter()
    application = Application(installation, settings, OtelTracing(SimpleSpanProcessor(exporter)))
    busy: set[int] = set()

    async def noted(scope: Scope, receive: Receive, send: Send) -> None:
        busy.add(id(scope))
        try:
            await application(scope, receive, send)
        finally:
            busy.discard(id(scope))

    board.application = noted
    with httpx.Client(base_url=url) as client:
        yield Traced(client, exporter, busy)
    application.close()
    board.application = None


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def ids(span: ReadableSpan) -> tuple[str, str]:
    """Of its trace and its own."""
    assert span.context is not None
    return f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"


def test_a_request_is_a_server_span_with_what_the_conventions_ask_for(api: Traced, shop: Shop) -> None:
    body = {"secret": shop.secret, "clientIds": [shop.client(5)]}
    api.post(POINT, shop, body, headers={"x-request-id": "order-17"})
    [span] = api.of_requests()
    assert (span.name, span.status.status_code) == (f"POST {POINT}", StatusCode.UNSET)
    assert attributes(span) == {
        "http.request.method": "POST",
        "http.route": POINT,
        "http.response.status_code": 200,
        "url.scheme": "http",
        "url.path": POINT,
        "remora.request_id": "order-17",
        "remora.bot": shop.bot_id,
    }
    assert span.parent is None
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.start_time < span.end_time
    assert (
        dict(span.resource.attributes).items()
        >= {
            "service.name": "remora",
            "service.version": remora.__version__,
        }.items()
    )


def test_a_refusal_has_its_code_and_is_no_error_of_the_server(api: Traced, shop: Shop) -> None:
    api.post(POINT, shop, {}, token="bad")
    [span] = api.of_requests()
    found = attributes(span)
    assert (found["http.response.status_code"], found["remora.error_code"]) == (401, 1004)
    assert span.status.status_code is StatusCode.UNSET
    assert "error.type" not in found
    assert not span.events


def test_what_the_server_cannot_do_is_an_error(api: Traced, installation: Installation) -> None:
    with installation.database.write() as tx:
        tx.script("INSERT INTO schema_migrations VALUES (9999, 'from_the_future', 'x', 0);")
    api.http.get("/readyz")
    [span] = api.of_requests()
    assert span.status.status_code is StatusCode.ERROR
    assert attributes(span).items() >= {"error.type": "503", "remora.error_code": 900005}.items()


def test_an_unknown_path_and_method_make_no_names(api: Traced) -> None:
    api.http.request("PROPFIND", "/nowhere?secret=x")
    [span] = api.of_requests()
    assert span.name == "HTTP"
    found = attributes(span)
    assert (found["http.request.method"], found["url.path"]) == ("_OTHER", "/nowhere")
    assert "http.route" not in found


def test_a_request_goes_on_with_its_callers_trace(api: Traced) -> None:
    api.http.get("/healthz", headers={"traceparent": SAMPLED, "tracestate": "shop=7"})
    [span] = api.of_requests()
    assert ids(span)[0] == TRACE_ID
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == PARENT_ID
    assert span.parent.is_remote


def test_what_a_caller_does_not_record_is_not_recorded(api: Traced, shop: Shop) -> None:
    client_id = shop.client()
    body = {"secret": shop.secret, "clientId": client_id, "points": 1}
    api.post(f"{POINT}/grant", shop, body, headers={"traceparent": NOT_SAMPLED, "idempotency-key": "k1"})
    assert api.spans() == []


@pytest.mark.parametrize(
    "given", ["", "00", SAMPLED[:-1], f"ff-{TRACE_ID}-{PARENT_ID}-01", f"00-{'0' * 32}-{PARENT_ID}-01", "\xff" * 55]
)
def test_a_broken_trace_of_a_caller_is_no_trace(api: Traced, given: str) -> None:
    assert api.http.get("/healthz", headers={b"traceparent": given.encode("latin-1")}).status_code == 200
    [span] = api.of_requests()
    assert span.parent is None


def test_the_log_line_names_the_trace(api: Traced, capfd: pytest.CaptureFixture[str]) -> None:
    api.http.get("/healthz", headers={"traceparent": SAMPLED})
    assert request_line(capfd)["trace_id"] == TRACE_ID


def test_an_order_has_its_batch_in_its_trace(api: Traced, shop: Shop) -> None:
    client_id = shop.client()
    api.ledger(shop, "grant", "k1", clientId=client_id, points=5)
    [request], [batch] = api.of_requests(), api.of_batches()
    assert batch.parent is not None
    assert (f"{batch.context.trace_id:032x}", f"{batch.parent.span_id:016x}") == ids(request)
    assert attributes(batch) == {"remora.engine": "writer", "remora.batch_items": 1}
    assert batch.links == ()
    times = [request.start_time, batch.start_time, batch.end_time, request.end_time]
    assert None not in times
    assert times == sorted(times)  # type: ignore[type-var]


def test_a_batch_is_linked_to_all_that_it_carried(api: Traced, shop: Shop, installation: Installation) -> None:
    client_id = shop.client()
    together = threading.Barrier(8)

    def order(number: int) -> None:
        with httpx.Client(base_url=api.http.base_url) as http:
            together.wait()
            assert Api(http).ledger(shop, "grant", f"k{number}", clientId=client_id, points=1).status_code == 200

    threads = [threading.Thread(target=order, args=(number,)) for number in range(8)]
    with installation.database.write():
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join()
    carried = []
    for batch in api.of_batches():
        assert batch.parent is not None
        names = [f"{batch.parent.span_id:016x}", *(f"{link.context.span_id:016x}" for link in batch.links)]
        assert len(names) == attributes(batch)["remora.batch_items"]
        carried += names
    assert sorted(carried) == sorted(ids(span)[1] for span in api.of_requests())


def test_a_batch_is_in_the_first_trace_that_is_recorded() -> None:
    exporter = InMemorySpanExporter()
    spans = OtelTracing(SimpleSpanProcessor(exporter)).batches("writer")
    flags = (0, 1, 0, 1)
    contexts = [
        SpanContext(7, number, is_remote=True, trace_flags=TraceFlags(flag)) for number, flag in enumerate(flags, 1)
    ]
    senders = [f"00-{7:032x}-{number:016x}-{flag:02x}" for number, flag in enumerate(flags, 1)]
    spans.done(9, 0.25, [None, *senders])
    spans.done(9, 0.25, [None, senders[0]])
    [span] = exporter.get_finished_spans()
    assert span.parent == contexts[1]
    assert [link.context for link in span.links] == [contexts[3]]
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.end_time - span.start_time == 250_000_000


def test_nothing_that_is_to_be_kept_to_oneself_is_in_a_span(api: Traced, shop: Shop) -> None:
    client_id = shop.client(5, platform_client_id="Usecretive")
    api.look_up(shop, clientIds=[client_id], platform="line", platformClientIds=["Usecretive"])
    api.ledger(shop, "grant", "the-key-of-it", clientId=client_id, points=5, reason="because")
    api.http.get(f"/api/openapi.json?secret={shop.secret}", headers={"authorization": f"Bearer {shop.token}"})
    api.post(POINT, shop, {"secret": shop.secret, "clientIds": [client_id], "platform": "x"})
    told = " ".join(span.to_json() for span in api.spans())
    assert "http.route" in told
    for hidden in (client_id, "Usecretive", shop.secret, shop.token, "the-key-of-it", "because"):
        assert hidden not in told


ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, False),
        ({ENDPOINT: " "}, False),
        ({ENDPOINT: "http://localhost:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4318/v1/traces"}, True),
        ({ENDPOINT: "http://localhost:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({ENDPOINT: "http://localhost:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({ENDPOINT: "http://localhost:4318", "OTEL_TRACES_EXPORTER": "otlp"}, True),
    ],
)
def test_the_standard_variables_say_whether_there_are_traces(variables: Mapping[str, str], expected: bool) -> None:  # noqa: FBT001 (a parameter of the test)
    assert tracing.wanted(variables) is expected


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({ENDPOINT: "http://localhost:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "not as grpc"),
        ({ENDPOINT: "localhost:4318"}, "not a URL"),
        ({ENDPOINT: "https//user:hunter2@collector"}, "not a URL"),
        ({ENDPOINT: "http://user:hunter2@collector:port"}, "not a URL"),
        ({ENDPOINT: "http://[hunter2"}, "not a URL"),
    ],
)
def test_what_cannot_be_is_told_and_the_server_goes_on(variables: Mapping[str, str], reason: str) -> None:
    with capture_logs() as lines:
        assert tracing.start(variables) is None
    [line] = lines
    assert (line["event"], line["log_level"]) == ("tracing off", "warning")
    assert reason in line["reason"]
    assert "hunter2" not in str(line)


def test_a_variable_that_is_wrong_is_told_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "-1")
    with capture_logs() as lines:
        assert tracing.start({ENDPOINT: "http://localhost:4318"}) is None
    [line] = lines
    assert line["reason"] == "a variable OTEL_… is wrong: ValueError"


def test_without_them_nothing_of_opentelemetry_is_imported() -> None:
    code = (
        "import sys; from remora.cli import main; from remora.web import app, tracing; "
        "assert tracing.start({}) is None; print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
