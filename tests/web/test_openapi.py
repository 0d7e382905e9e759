"""The document: structurally the source's for its call, true of ours, and enough for others' tools."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from remora.web import openapi, routes
from tests.cast import Api

API = routes.api_document()
CALL = API["paths"]["/openapi/client/point"]["post"]
PLATFORMS = ["line", "facebook", "instagram", "liveChat", "whatsapp"]
STATED = ("type", "enum", "maxItems", "items", "properties", "required")


def structure(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema as the source states it: references followed, texts and bounds of our own left out."""
    it = openapi.resolve(API, schema)
    said: dict[str, Any] = {name: it[name] for name in STATED if name in it}
    if "items" in said:
        said["items"] = structure(said["items"])
    if "properties" in said:
        said["properties"] = {name: structure(each) for name, each in said["properties"].items()}
    return said


def content(of: dict[str, Any]) -> dict[str, Any]:
    return structure(of["content"]["application/json"]["schema"])


def test_it_is_openapi_3_0_3_below_a_base_path_that_ends_in_api() -> None:
    assert API["openapi"] == "3.0.3"
    assert API["servers"] == [{"url": "/api"}]
    assert API["security"] == [{"bearerAuth": []}]
    scheme = API["components"]["securitySchemes"]["bearerAuth"]
    assert (scheme["type"], scheme["scheme"], scheme["bearerFormat"]) == ("http", "bearer", "JWT")


def test_the_call_has_the_sources_parameter() -> None:
    [parameter] = CALL["parameters"]
    assert (parameter["name"], parameter["in"], parameter["required"]) == ("botId", "query", True)
    assert parameter["schema"] == {"type": "string"}


def test_the_request_has_the_sources_fields_and_one_of_ours() -> None:
    ids = {"type": "array", "items": {"type": "string"}, "maxItems": 100}
    assert CALL["requestBody"]["required"] is True
    assert content(CALL["requestBody"]) == {
        "type": "object",
        "properties": {
            "secret": {"type": "string"},
            "clientIds": ids,
            "platform": {"type": "string", "enum": PLATFORMS},
            "platformClientIds": ids,
            "includeNotFound": {"type": "boolean"},
        },
        "required": ["secret"],
    }


def test_the_answer_has_the_sources_fields_and_one_of_ours() -> None:
    ids = {"type": "array", "items": {"type": "string"}}
    assert content(CALL["responses"]["200"]) == {
        "type": "object",
        "properties": {
            "success": {"type": "boolean"},
            "message": {"type": "string"},
            "points": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "platform": {"type": "string", "enum": PLATFORMS},
                        "points": {"type": "integer"},
                        "clientId": {"type": "string"},
                        "platformClientId": {"type": "string"},
                    },
                    "required": ["platform", "points"],
                },
            },
            "notFound": {
                "type": "object",
                "properties": {"clientIds": ids, "platformClientIds": ids},
                "required": ["clientIds", "platformClientIds"],
            },
        },
        "required": ["success", "message"],
    }


def test_the_refusals_are_the_sources_and_our_400() -> None:
    assert set(CALL["responses"]) == {"200", "401", "403", "404", "429", "500"} | {"400"}
    for status in set(CALL["responses"]) - {"200"}:
        assert content(CALL["responses"][status]) == {
            "type": "object",
            "properties": {
                "success": {"type": "boolean"},
                "errResponse": {
                    "type": "object",
                    "properties": {
                        "message": {"type": "string"},
                        "code": {"type": "integer"},
                        "botId": {"type": "string"},
                    },
                    "required": ["message", "code"],
                },
            },
            "required": ["success", "errResponse"],
        }


def test_the_server_serves_the_document(api: Api) -> None:
    assert api.http.get("/api/openapi.json").json() == API


def test_nothing_stands_beside_a_reference() -> None:
    def walk(value: Any) -> Iterator[dict[str, Any]]:
        if isinstance(value, dict):
            yield value
            value = list(value.values())
        if isinstance(value, list):
            for each in value:
                yield from walk(each)

    assert [each for each in walk(API) if "$ref" in each and len(each) > 1] == []
