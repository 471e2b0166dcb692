"""The served OpenAPI document says what the routes do."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_spec_validator import validate

from shared.api.tables import every_route, openapi_document
from shared.edge.openapi import problems_of
from shared.edge.routes import Auth, Route

ROUTES = every_route()
DOCUMENT = openapi_document("https://api.example")


def _operation(route: Route[Any]) -> dict[str, Any]:
    operation: dict[str, Any] = DOCUMENT["paths"][route.template][route.method.lower()]
    return operation


def test_it_is_valid_openapi() -> None:
    validate(DOCUMENT)


def test_it_has_every_route_and_no_other() -> None:
    documented = {
        (method.upper(), path)
        for path, item in DOCUMENT["paths"].items()
        for method in item
        if method in ("get", "post", "put", "patch", "delete")
    }
    assert documented - {("GET", "/health")} == {(route.method, route.template) for route in ROUTES}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_each_operation_is_described(route: Route[Any]) -> None:
    operation = _operation(route)
    assert operation["operationId"] == route.name
    assert operation["summary"] == route.summary
    assert ("requestBody" in operation) == (route.body is not None)
    assert bool(operation["security"]) == (route.auth is not Auth.PUBLIC)
    for parameter in route.parameters:
        assert parameter in [item["name"] for item in operation["parameters"]]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_each_problem_of_a_route_is_documented(route: Route[Any]) -> None:
    answers = _operation(route)["responses"]
    for problem in problems_of(route):
        assert str(problem.status) in answers, problem.slug
        assert problem.slug in str(answers[str(problem.status)]), problem.slug


def test_slugs_are_unique() -> None:
    kinds = {problem for route in ROUTES for problem in problems_of(route)}
    assert len({kind.slug for kind in kinds}) == len(kinds)
