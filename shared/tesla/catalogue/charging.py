"""Paid charging: history, invoices, and the sessions of business fleets.

Source: Tesla's Fleet API documentation, charging endpoints.
"""

from __future__ import annotations

from shared.tesla.catalogue.endpoint import PDF, Endpoint

_CHARGING = ("vehicle_charging_cmds",)

CHARGING = (
    Endpoint(
        name="charging_history",
        method="GET",
        path="/api/1/dx/charging/history",
        scopes=_CHARGING,
        query=("startTime", "endTime", "pageNo", "pageSize", "sortBy", "sortOrder", "vin"),
        root="response.data[]",
    ),
    Endpoint(
        name="charging_invoice",
        method="GET",
        path="/api/1/dx/charging/invoice/{content_id}",
        scopes=_CHARGING,
        root=PDF,
        nullable=True,
    ),
    Endpoint(
        name="charging_sessions",
        method="GET",
        path="/api/1/dx/charging/sessions",
        scopes=_CHARGING,
        query=("date_from", "date_to", "limit", "offset", "vin"),
        root="response.data[]",
        business=True,
    ),
)
