"""The OpenAPI 3.1 document of a table of routes: operations, schemas from the structs, problems by their types."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from shared.edge.idempotency import HEADER
from shared.edge.problems import (
    BODY_TOO_LARGE,
    CONTENT_TYPE,
    FORBIDDEN,
    IDEMPOTENCY_IN_FLIGHT,
    IDEMPOTENCY_MISMATCH,
    INTERNAL,
    INVALID_BODY,
    INVALID_IDEMPOTENCY_KEY,
    INVALID_JSON,
    INVALID_QUERY,
    NOT_FOUND,
    STORE_UNAVAILABLE,
    UNAUTHORIZED,
    UNSUPPORTED_MEDIA_TYPE,
    ProblemDocument,
    ProblemType,
)
from shared.edge.routes import Auth, Route
from shared.typed import from_json

Schema = dict[str, Any]

_REFERENCE = "#/components/schemas/{name}"
_PROBLEM = _REFERENCE.format(name=ProblemDocument.__name__)
_STATUS_TEXTS = {200: "Done", 201: "Created", 202: "Accepted", 204: "Done, nothing to say", 302: "Continue there"}
_ID_PATTERN = "^[A-Za-z0-9._:-]{1,200}$"

_SECURITY_SCHEMES: Schema = {
    "grant": {
        "type": "http",
        "scheme": "bearer",
        "description": "The token that was returned once, when the order or enrolment was created.",
    },
    "operator": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A Google-signed OIDC token of an operator account, for this service's audience.",
    },
    "creator": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The same of an account that may create orders and enrolments and start consents, no more.",
    },
}
_SECURITY: dict[Auth, list[Schema]] = {
    Auth.PUBLIC: [],
    Auth.GRANT: [{"grant": []}],
    Auth.OPERATOR: [{"operator": []}],
    Auth.CREATOR: [{"creator": []}, {"operator": []}, {}],
    Auth.GRANT_OR_CREATOR: [{"grant": []}, {"creator": []}, {"operator": []}, {}],
}
_HEALTH: Schema = {
    "operationId": "health",
    "summary": "Whether the service answers",
    "security": [],
    "responses": {
        "200": {
            "description": "It does",
            "content": {
                "application/json": {"schema": {"type": "object", "properties": {"status": {"const": "ok"}}}}
            },
        }
    },
}
_KEY_PARAMETER: Schema = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "A random UUID. A repetition with the same key and body within 24 hours gets the first answer.",
}


def document(routes: Sequence[Route[Any]], *, title: str, version: str, server: str) -> Schema:
    """The document; `server` is the service's public URL, on which problem types are resolved too."""
    shown = [kind for route in routes for kind in (route.body, route.answer) if kind is not None]
    asked = [route.query for route in routes if route.query is not None]
    kinds = [*shown, *asked, ProblemDocument]
    found, raw = msgspec.json.schema_components(kinds, ref_template=_REFERENCE)
    components = from_json(msgspec.json.encode(raw), dict[str, Schema])  # as served: a default of () is a list
    schemas = dict(zip(kinds, found, strict=True))
    paths: dict[str, Schema] = defaultdict(dict)
    for route in routes:
        paths[route.template][route.method.lower()] = _operation(route, schemas, components, server)
    paths["/health"]["get"] = _HEALTH
    # A query's struct is spelled out as parameters; it is no schema of its own unless a body is the same struct.
    hidden = {_name(schemas[kind]) for kind in asked if kind not in shown}
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "servers": [{"url": server}],
        "paths": dict(paths),
        "components": {
            "schemas": {name: schema for name, schema in components.items() if name not in hidden},
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }


def _operation(route: Route[Any], schemas: dict[type, Schema], components: Schema, server: str) -> Schema:
    """One route as an OpenAPI operation."""
    parameters = [_path_parameter(name) for name in route.parameters]
    if route.query is not None:
        parameters += _query_parameters(components[_name(schemas[route.query])])
    if route.idempotent:
        parameters.append(_KEY_PARAMETER)
    operation: Schema = {
        "operationId": route.name,
        "summary": route.summary,
        "security": _SECURITY[route.auth],
        "responses": {**_successes(route, schemas), **_refusals(problems_of(route), server)},
    }
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        content = {"application/json": {"schema": schemas[route.body]}}
        required = bool(components[_name(schemas[route.body])].get("required"))
        operation["requestBody"] = {"required": required, "content": content}
    return operation


def problems_of(route: Route[Any]) -> list[ProblemType]:
    """Every problem that a call of the route may be answered with, the general ones included."""
    asks_identity = route.auth in (Auth.OPERATOR, Auth.CREATOR, Auth.GRANT_OR_CREATOR)
    bears_grant = route.auth is Auth.GRANT
    groups = [
        (bears_grant and route.grant_subject is None, [UNAUTHORIZED]),
        (bears_grant and route.grant_subject is not None, [NOT_FOUND]),
        (asks_identity, [UNAUTHORIZED, FORBIDDEN]),
        (route.query is not None, [INVALID_QUERY]),
        (route.method in ("POST", "PUT", "PATCH"), [INVALID_JSON, INVALID_BODY, BODY_TOO_LARGE]),
        (route.method in ("POST", "PUT", "PATCH"), [UNSUPPORTED_MEDIA_TYPE]),
        (route.idempotent, [INVALID_IDEMPOTENCY_KEY, IDEMPOTENCY_MISMATCH, IDEMPOTENCY_IN_FLIGHT]),
        (True, [*route.problems, INTERNAL, STORE_UNAVAILABLE]),
    ]
    return list(dict.fromkeys(kind for applies, group in groups if applies for kind in group))


def _successes(route: Route[Any], schemas: dict[type, Schema]) -> Schema:
    statuses = [route.status, *([route.otherwise] if route.otherwise else [])]
    return {str(status): _success(route, status, schemas) for status in statuses}


def _success(route: Route[Any], status: int, schemas: dict[type, Schema]) -> Schema:
    response: Schema = {"description": _STATUS_TEXTS.get(status, "Done")}
    if route.answer is not None:
        response["content"] = {"application/json": {"schema": schemas[route.answer]}}
    if route.page:
        response.setdefault("content", {})["text/html"] = {"schema": {"type": "string"}}
    return response


def _refusals(problems: Iterable[ProblemType], server: str) -> Schema:
    """Responses by status; the schema lists the problem types that the status stands for."""
    by_status: dict[int, list[ProblemType]] = defaultdict(list)
    for kind in problems:
        by_status[kind.status].append(kind)
    return {str(status): _refusal(kinds, server) for status, kinds in sorted(by_status.items())}


def _refusal(kinds: list[ProblemType], server: str) -> Schema:
    types = {"properties": {"type": {"enum": [kind.uri(server) for kind in kinds]}}}
    schema = {"allOf": [{"$ref": _PROBLEM}, types]}
    description = "; ".join(f"`{kind.slug}`: {kind.title}" for kind in kinds)
    return {"description": description, "content": {CONTENT_TYPE: {"schema": schema}}}


def _name(schema: Schema) -> str:
    """The component that the schema of a struct refers to."""
    reference: str = schema["$ref"]
    return reference.rpartition("/")[2]


def _path_parameter(name: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": _ID_PATTERN}}


def _query_parameters(struct: Schema) -> list[Schema]:
    """The fields of a struct's schema as query parameters."""
    required = struct.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": schema}
        for name, schema in struct["properties"].items()
    ]
