"""Which function serves which routes, and the OpenAPI document of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from shared.api import account, downloads, oauth, operations, orders, partner_key, reports
from shared.api.services import Services
from shared.edge.openapi import document
from shared.edge.routes import Call, Reply, Route

VERSION = "1"


def _openapi(services: Services, _call: Call) -> Reply:
    return Reply(openapi_document(services.settings.public_url))


_OPENAPI: Route[Services] = Route(
    method="GET",
    path="/api/v1/openapi.json",
    name="getOpenApi",
    summary="This document",
    handler=_openapi,
)

TABLES: Mapping[str, tuple[Route[Services], ...]] = MappingProxyType(
    {
        "oauth": (*oauth.ROUTES, *account.ROUTES, *operations.REGISTRATION_ROUTES),
        "orders": (*orders.ROUTES, *downloads.ROUTES, *reports.ROUTES, *operations.USAGE_ROUTES, _OPENAPI),
    }
)


@cache
def openapi_document(server: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the whole API at `server`."""
    routes: list[Route[Any]] = [*TABLES["oauth"], *TABLES["orders"], *partner_key.ROUTES]
    return document(routes, title="Car Pulse Tracker", version=VERSION, server=server)
