"""`remora serve` exports its spans to a collector that speaks OTLP over HTTP, and serves on whether or not it does."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.cast import POINT
from tests.cli.test_serve import Serve, ask, pair, serve
from tests.shell import REMORA, Shell

__all__ = ["pair", "serve"]  # fixtures

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


class Collector:
    """Takes exports. `received` are their paths and headers, and what they brought."""

    def __init__(self) -> None:
        received: Queue[tuple[str, dict[str, str], ExportTraceServiceRequest]] = Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                brought = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
                received.put((self.path, dict(self.headers), brought))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.received = received
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


def spans(export: ExportTraceServiceRequest) -> list[Span]:
    return [span for resource in export.resource_spans for scope in resource.scope_spans for span in scope.spans]


def end(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """Stop it as an operator does; its log."""
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    return [json.loads(line) for line in err.splitlines()]


def test_spans_come_to_the_collector(serve: Serve, shell: Shell, pair: Any, collector: Collector) -> None:
    client_id = shell.json("client", "add", "tea", "line", "U1")["clientId"]
    process, url = serve(
        **{
            ENDPOINT: collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "20",
            "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=tea%20house",
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=tests",
        }
    )
    ask(url, pair, client_id, **{"x-request-id": "order-17"})
    span = None
    while span is None:  # on PostgreSQL the batch that looked it up comes by itself, and before
        path, headers, export = collector.received.get(timeout=30)
        assert (path, headers["x-tenant"]) == ("/v1/traces", "tea house")
        span = next((each for each in spans(export) if each.kind == Span.SPAN_KIND_SERVER), None)
    assert span.name == f"POST {POINT}"
    [resource] = [each.resource for each in export.resource_spans]
    told = {each.key: each.value.string_value for each in resource.attributes}
    assert told.items() >= {"service.name": "remora", "deployment.environment.name": "tests"}.items()
    [line] = [line for line in end(process) if line["event"] == "request"]
    assert (line["request_id"], line["trace_id"]) == ("order-17", span.trace_id.hex())


def test_what_is_left_is_exported_at_the_end(serve: Serve, collector: Collector) -> None:
    process, url = serve(**{ENDPOINT: collector.url, "OTEL_BSP_SCHEDULE_DELAY": "3600000"})
    httpx.get(f"{url}/healthz")
    with pytest.raises(Empty):
        collector.received.get_nowait()
    end(process)
    _, _, export = collector.received.get(timeout=30)
    assert [span.name for span in spans(export)] == ["GET /healthz"]


def test_a_service_may_be_named(serve: Serve, collector: Collector) -> None:
    process, url = serve(**{ENDPOINT: collector.url, "OTEL_SERVICE_NAME": "points"})
    httpx.get(f"{url}/healthz")
    end(process)
    _, _, export = collector.received.get(timeout=30)
    told = {each.key: each.value.string_value for each in export.resource_spans[0].resource.attributes}
    assert told["service.name"] == "points"


Start = Callable[..., tuple[subprocess.Popen[str], str, list[dict[str, Any]]]]


@pytest.fixture
def start(shell: Shell) -> Iterator[Start]:
    """Start a server that says something before it serves; gives the process, its URL and what it said."""
    started: list[subprocess.Popen[str]] = []

    def start_one(*command: str, **variables: str) -> tuple[subprocess.Popen[str], str, list[dict[str, Any]]]:
        process = subprocess.Popen(
            command, env={**shell.environment, **variables}, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stderr is not None
        said: list[dict[str, Any]] = []
        for line in process.stderr:
            if line.startswith("serving "):
                return process, line.split()[1].removesuffix("/api"), said
            said.append(json.loads(line))
        raise AssertionError(said)

    yield start_one
    for process in started:
        process.kill()
        process.communicate()


def test_without_a_collector_requests_are_answered_and_it_stops_in_time(start: Start) -> None:
    process, url, said = start(
        str(REMORA),
        "serve",
        "--port=0",
        **{ENDPOINT: "http://user:hunter2@127.0.0.1:9", "OTEL_EXPORTER_OTLP_HEADERS": "Authorization Bearer hunter3"},
    )
    assert "Header format invalid" in said[0]["event"]
    assert httpx.get(f"{url}/healthz").status_code == 200
    log = end(process)
    assert "request" in {line["event"] for line in log}
    assert "hunter" not in json.dumps([said, log])


WITHOUT_THE_EXTRA = """
import sys
sys.modules["opentelemetry"] = None  # as if it were not installed
from remora.cli import main
main(["serve", "--port=0"])
"""


def test_without_the_extra_that_is_told_and_it_serves(start: Start) -> None:
    process, url, [warning] = start(sys.executable, "-c", WITHOUT_THE_EXTRA, **{ENDPOINT: "http://127.0.0.1:9"})
    assert (warning["event"], warning["level"]) == ("tracing off", "warning")
    assert "pip install 'remora[otel]'" in warning["reason"]
    assert httpx.get(f"{url}/healthz").status_code == 200
    [line] = end(process)
    assert "trace_id" not in line
