"""The OpenAPI 3.0.3 document, made from the routes and the structs they take and answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.routing import Route

from remora import __version__
from remora.errors import Refusal
from remora.model import Platform
from remora.web.endpoint import Endpoint
from remora.web.errors import STATUS, ErrorResponse

Document = dict[str, Any]

_REF = "#/components/schemas/"


def document(routes: Sequence[Route], base: str) -> Document:
    """The document of the routes below `base`; new at each call, so that a caller may change it."""
    endpoints = {route.path.removeprefix(base): route.app for route in routes if isinstance(route.app, Endpoint)}
    structs = [struct for each in endpoints.values() for struct in (each.about.body, each.about.answer)]
    _, schemas = msgspec.json.schema_components([*structs, ErrorResponse], ref_template=f"{_REF}{{name}}")
    # msgspec sorts the values of an enum; readers expect them as they were written.
    schemas[Platform.__name__]["enum"] = list(Platform)
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "Remora",
            "version": __version__,
            "description": "A self-hosted points service that answers MantaGo's Get Client Points call.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "servers": [{"url": base}],
        "security": [{"bearerAuth": []}],
        "paths": {path: {"post": _operation(path, each)} for path, each in endpoints.items()},
        "components": {
            "securitySchemes": {
                "bearerAuth": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The bot's API token.",
                }
            },
            "schemas": {name: _as_3_0(schema) for name, schema in sorted(schemas.items())},
        },
    }


def resolve(api: Document, schema: Document) -> Document:
    """Follow a schema's `$ref`, alone or as its only `allOf`, to what it names in the document."""
    while "$ref" in schema or "allOf" in schema:
        [schema] = schema.get("allOf", [schema])
        schema = api["components"]["schemas"][schema["$ref"].removeprefix(_REF)]
    return schema


def _operation(path: str, endpoint: Endpoint) -> Document:
    about = endpoint.about
    return {
        "operationId": _operation_id(path),
        "tags": [about.tag],
        "summary": about.summary,
        "description": about.description,
        "parameters": [
            {
                "name": "botId",
                "in": "query",
                "required": True,
                "schema": {"type": "string"},
                "description": "The bot that asks.",
            }
        ],
        "requestBody": {"required": True, "content": _json(about.body)},
        "responses": {
            "200": {"description": about.success, "content": _json(about.answer)},
            **_refusals(about.refusals),
        },
    }


def _refusals(kinds: tuple[type[Refusal], ...]) -> Document:
    """One response for each status, which lists the codes that it may carry."""
    by_status: dict[int, list[type[Refusal]]] = {}
    for kind in kinds:
        by_status.setdefault(STATUS[kind], []).append(kind)
    return {
        str(status): {
            "description": "\n".join(f"- {kind.code}: {_first_line(kind)}" for kind in by_status[status]),
            "content": _json(ErrorResponse),
        }
        for status in sorted(by_status)
    }


def _operation_id(path: str) -> str:
    """`/openapi/client/point` is `clientPoint`: what generators name their functions by."""
    first, *rest = path.removeprefix("/openapi/").split("/")
    return first + "".join(part.capitalize() for part in rest)


def _json(struct: type[msgspec.Struct]) -> Document:
    return {"application/json": {"schema": {"$ref": f"{_REF}{struct.__name__}"}}}


def _first_line(kind: type[Refusal]) -> str:
    return (kind.__doc__ or "").splitlines()[0]


def _as_3_0(schema: Any) -> Any:
    """Say in OpenAPI 3.0 what msgspec says in JSON Schema 2020-12: enums have a type, and titles go."""
    if isinstance(schema, list):
        return [_as_3_0(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    said = {name: _as_3_0(value) for name, value in schema.items() if name != "title" or not isinstance(value, str)}
    if "enum" in said:
        said = {"type": "string", **said}
    if "$ref" in said and len(said) > 1:
        # In 3.0 whatever stands beside a $ref is ignored.
        reference = said.pop("$ref")
        said["allOf"] = [{"$ref": reference}]
    return said
