"""`GET /metrics`: whom it says it to, and in which format."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from msgspec.structs import replace
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics

from remora.service.installation import Installation
from remora.settings import MetricsFor, Settings
from tests.cast import Api, Shop, refused

PROMETHEUS_ACCEPTS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)

Serve = Callable[[Installation, Settings], Api]


def test_open_metrics_are_told_to_those_who_accept_them(api: Api, shop: Shop) -> None:
    api.look_up(shop, clientIds=["nobody"])
    response = api.http.get("/metrics", headers={"accept": PROMETHEUS_ACCEPTS})
    assert response.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0; charset=utf-8")
    assert response.text.endswith("# EOF\n")
    families = {family.name: family for family in open_metrics(response.text)}  # type: ignore[no-untyped-call]  # it has no annotations
    assert families["remora_requests"].type == "counter"
    assert families["remora_request_seconds"].type == "histogram"


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "*/*",
        "text/plain",
        "text/html",
        "",
        "application/openmetrics-text;version=x",
        "text/plain;version=x",
        ";=,",
    ],
)
def test_everyone_else_is_told_the_text_format(api: Api, accept: str | None) -> None:
    response = api.http.get("/metrics", headers={} if accept is None else {"accept": accept})
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert re.search(r"^# TYPE remora_requests_total counter$", response.text, re.MULTILINE)


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "via", "x-real-ip", "X-Forwarded-Host"])
def test_whom_a_proxy_asks_for_is_not_told(api: Api, header: str) -> None:
    assert refused(api.http.get("/metrics", headers={header: "198.51.100.7"})) == (404, 404)


def test_those_behind_a_proxy_are_told_if_the_settings_say_so(
    serve: Serve, installation: Installation, settings: Settings
) -> None:
    api = serve(installation, replace(settings, metrics=MetricsFor.ALL))
    assert api.http.get("/metrics", headers={"x-forwarded-for": "198.51.100.7"}).status_code == 200


def test_nobody_is_told_if_the_settings_say_so(serve: Serve, installation: Installation, settings: Settings) -> None:
    api = serve(installation, replace(settings, metrics=MetricsFor.NOBODY))
    assert refused(api.http.get("/metrics")) == (404, 404)
    assert refused(api.http.get("/nowhere")) == (404, 404)
