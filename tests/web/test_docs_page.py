"""`/api/docs`: the document as a page, with nothing from another host."""

from __future__ import annotations

import re

from remora.web import routes
from remora.web.documents import _with_code
from tests.cast import Api


def test_every_call_field_and_status_is_on_the_page(api: Api) -> None:
    page = api.http.get("/api/docs").text
    for path, verbs in routes.api_document()["paths"].items():
        assert f"/api{path}" in page
        for status in verbs["post"]["responses"]:
            assert f"<code>{status}</code>" in page
    for schema in routes.api_document()["components"]["schemas"].values():
        for field in schema.get("properties", {}):
            assert f"<code>{field}</code>" in page


def test_nothing_comes_from_another_host_or_runs(api: Api) -> None:
    answer = api.http.get("/api/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert re.findall(r"(?:src|href)=\"([^\"#]+)", answer.text) == ["openapi.json"]
    assert not re.search(r"<script|<img|<link|@import|url\(", answer.text)


def test_what_a_description_says_is_escaped() -> None:
    assert _with_code("a < `b > c` & d") == "a &lt; <code>b &gt; c</code> &amp; d"
