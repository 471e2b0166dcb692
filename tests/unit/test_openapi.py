"""The OpenAPI document: valid, complete, and saying what the edge does."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from shared.edge.openapi import document, problems_of
from shared.edge.problems import NOT_FOUND
from shared.edge.web import Auth
from tests.unit.edge_app import FULL, ROUTES, Created, Order, Search, route

SERVER = "https://service.example"


class Shared(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Used as body and query alike."""

    x: int


TABLE = [
    *ROUTES,
    route("POST", "/x/<order_id>", "full", auth=Auth.GRANT, body=Order, answer=Created, problems=(FULL, NOT_FOUND)),
    route("GET", "/shared", "sharedQuery", query=Shared),
    route("POST", "/shared", "sharedBody", body=Shared),
]


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return document(TABLE, title="Orders", version="1.2.3", server=SERVER)


def test_it_is_valid_openapi(made: dict[str, Any]) -> None:
    plain = json.loads(json.dumps(made))
    OpenAPIV31SpecValidator(plain).validate()
    assert (made["openapi"], made["info"]["version"]) == ("3.1.0", "1.2.3")


def test_every_route_is_an_operation(made: dict[str, Any]) -> None:
    found = {(method.upper(), path) for path, item in made["paths"].items() for method in item}
    assert found == {(item.method, item.template) for item in TABLE} | {("GET", "/health")}


def test_path_parameters(made: dict[str, Any]) -> None:
    parameters = made["paths"]["/orders/{order_id}/vehicles/{vehicle_id}"]["get"]["parameters"]
    assert [(item["name"], item["in"], item["required"]) for item in parameters] == [
        ("order_id", "path", True),
        ("vehicle_id", "path", True),
    ]


def test_query_parameters_come_from_the_struct(made: dict[str, Any]) -> None:
    parameters = {item["name"]: item for item in made["paths"]["/search"]["get"]["parameters"]}
    assert {name: item["required"] for name, item in parameters.items()} == {
        "code": True,
        "limit": False,
        "dry": False,
    }
    assert parameters["limit"]["schema"] == {"type": "integer", "default": 10}
    assert Search.__name__ not in made["components"]["schemas"]
    assert Shared.__name__ in made["components"]["schemas"]


def test_bodies_and_answers_are_their_structs(made: dict[str, Any]) -> None:
    operation = made["paths"]["/x/{order_id}"]["post"]
    body = operation["requestBody"]
    assert body == {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}},
    }
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer == {"$ref": "#/components/schemas/Created"}
    assert made["components"]["schemas"]["Order"]["additionalProperties"] is False
    assert made["paths"]["/initiate"]["post"]["requestBody"]["required"] is False


def test_who_may_call(made: dict[str, Any]) -> None:
    security = {
        path: item["get"]["security"]
        for path, item in made["paths"].items()
        if "get" in item and path in ("/page", "/operators", "/orders/{order_id}", "/health")
    }
    assert security == {
        "/page": [],
        "/health": [],
        "/operators": [{"operator": []}],
        "/orders/{order_id}": [{"grant": []}],
    }
    assert made["paths"]["/orders"]["post"]["security"] == [{"creator": []}, {"operator": []}, {}]
    assert set(made["components"]["securitySchemes"]) == {"grant", "creator", "operator"}


def test_the_idempotency_key_is_a_parameter_where_it_counts(made: dict[str, Any]) -> None:
    named = {
        item["operationId"]
        for path in made["paths"].values()
        for item in path.values()
        if any(parameter["name"] == "Idempotency-Key" for parameter in item.get("parameters", []))
    }
    assert named == {item.name for item in TABLE if item.idempotent}


def test_problems_are_listed_by_status_with_their_types(made: dict[str, Any]) -> None:
    responses = made["paths"]["/x/{order_id}"]["post"]["responses"]
    assert set(responses) == {"200", "400", "404", "409", "413", "415", "500", "503"}
    schema = responses["409"]["content"]["application/problem+json"]["schema"]
    assert schema["allOf"][1]["properties"]["type"]["enum"] == [f"{SERVER}/problems/full"]
    assert set(made["paths"]["/orders"]["post"]["responses"]) >= {"401", "403", "409", "422"}
    assert "401" in made["paths"]["/initiate"]["post"]["responses"]
    assert "404" not in made["paths"]["/initiate"]["post"]["responses"]


def test_a_problem_is_listed_once() -> None:
    listed = problems_of(TABLE[len(ROUTES)])
    assert len(listed) == len(set(listed))


def test_a_problem_answer_fits_its_schema(made: dict[str, Any]) -> None:
    body = {
        "type": f"{SERVER}/problems/full",
        "title": "t",
        "status": 409,
        "detail": "d",
        "instance": "/x/o1",
        "trace": "0" * 32,
    }
    responses = made["paths"]["/x/{order_id}"]["post"]["responses"]
    schema = responses["409"]["content"]["application/problem+json"]["schema"]
    whole = {**schema, "components": made["components"]}
    validator = OAS31Validator(whole)
    assert validator.is_valid(body)
    assert not validator.is_valid({**body, "type": f"{SERVER}/problems/other"})
