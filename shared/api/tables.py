"""Which function serves which routes, and the OpenAPI document of all of them.

A function imports its own routes only: what the others need would cost each cold start for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from shared.api.services import Services
from shared.edge.routes import Call, Reply, Route

VERSION = "1"
Routes = tuple[Route[Services], ...]


def _openapi(services: Services, _call: Call) -> Reply:
    return Reply(openapi_document(services.settings.public_url))


_OPENAPI: Route[Services] = Route(
    method="GET",
    path="/api/v1/openapi.json",
    name="getOpenApi",
    summary="This document",
    handler=_openapi,
)


def _oauth() -> Routes:
    from shared.api import account, oauth, operations

    return (*oauth.ROUTES, *account.ROUTES, *operations.REGISTRATION_ROUTES)


def _orders() -> Routes:
    from shared.api import downloads, operations, orders, reports

    return (*orders.ROUTES, *downloads.ROUTES, *reports.ROUTES, *operations.USAGE_ROUTES, _OPENAPI)


def _energy() -> Routes:
    from shared.api.energy import dispatches, enrolment, operation, operator, owner, records, tariffs

    return (
        *enrolment.ROUTES,
        *owner.ROUTES,
        *operator.ROUTES,
        *records.ROUTES,
        *operation.ROUTES,
        *tariffs.ROUTES,
        *dispatches.ROUTES,
    )


_TABLES: Mapping[str, Callable[[], Routes]] = MappingProxyType(
    {"oauth": _oauth, "orders": _orders, "energy": _energy}
)


def routes_of(function: str) -> Routes:
    """The routes of a function. Raises KeyError for one that has none here."""
    return _TABLES[function]()


def every_route() -> list[Route[Any]]:
    """The routes of all functions."""
    from shared.api import partner_key

    return [*(route for routes in _TABLES.values() for route in routes()), *partner_key.ROUTES]


@cache
def openapi_document(server: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the whole API at `server`."""
    from shared.edge.openapi import document

    return document(every_route(), title="Car Pulse Tracker", version=VERSION, server=server)
