"""The OpenAPI 3.0.3 document, made from the routes and the structs they take and answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.routing import Route

from remora import __version__
from remora.errors import Refusal
from remora.model import Platform
from remora.service.fields import MAX_KEY
from remora.web.endpoint import About, Endpoint
from remora.web.errors import STATUS
from remora.web.schemas.batch import BatchRequest, operation_schemas

Document = dict[str, Any]

_REF = "#/components/schemas/"

BOT_ID = {
    "name": "botId",
    "in": "query",
    "required": True,
    "schema": {"type": "string"},
    "description": "The bot that asks.",
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[!-~]+$"},
    "description": "Names this order: however often it is sent, it is carried out once.",
}


def document(routes: Sequence[Route], base: str) -> Document:
    """The document of the routes below `base`; new at each call, so that a caller may change it."""
    endpoints = {
        route.path.removeprefix(base): route.endpoint for route in routes if isinstance(route.endpoint, Endpoint)
    }
    abouts = [each.about for each in endpoints.values()]
    structs = [struct for about in abouts for struct in (about.body, about.answer, about.envelope)]
    _, schemas = msgspec.json.schema_components(structs, ref_template=f"{_REF}{{name}}")
    if BatchRequest in structs:
        operations, components = operation_schemas(f"{_REF}{{name}}")
        schemas |= components
        schemas[BatchRequest.__name__]["properties"]["operations"]["items"] = {"oneOf": operations}
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
        "parameters": [BOT_ID, IDEMPOTENCY_KEY] if about.needs_key else [BOT_ID],
        "requestBody": {"required": True, "content": _json(about.body)},
        "responses": {
            "200": {"description": about.success, "content": _json(about.answer)},
            **_refusals(about),
        },
    }


def _refusals(about: About) -> Document:
    """One response for each status, which lists the codes that it may carry."""
    by_status: dict[int, list[type[Refusal]]] = {}
    for kind in about.refusals:
        by_status.setdefault(STATUS[kind], []).append(kind)
    return {
        str(status): {
            "description": "\n".join(f"- {kind.code}: {_first_line(kind)}" for kind in by_status[status]),
            "content": _json(about.envelope),
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
