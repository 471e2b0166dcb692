"""Vehicles: inventory, live data, care, options and specs.

Source: Tesla's Fleet API documentation, vehicle endpoints. In place of the VIN Tesla takes the list's `id` too; the
VIN is used, because it stays. `/dx/*` takes the VIN as a query parameter.
"""

from __future__ import annotations

from shared.tesla.catalogue.endpoint import Endpoint, Price

_DEVICE = ("vehicle_device_data",)

VEHICLES = (
    Endpoint(
        name="vehicles",
        method="GET",
        path="/api/1/vehicles",
        scopes=_DEVICE,
        price=Price.FREE,
        query=("page", "per_page"),
        root="response[]",
    ),
    Endpoint(name="vehicle", method="GET", path="/api/1/vehicles/{vin}", scopes=_DEVICE, price=Price.FREE),
    Endpoint(
        name="vehicle_data",
        method="GET",
        path="/api/1/vehicles/{vin}/vehicle_data",
        scopes=_DEVICE,
        query=("endpoints",),
    ),
    Endpoint(
        name="wake_up",
        method="POST",
        path="/api/1/vehicles/{vin}/wake_up",
        scopes=("vehicle_device_data", "vehicle_cmds", "vehicle_charging_cmds"),
        price=Price.WAKE,
    ),
    Endpoint(
        name="service_data",
        method="GET",
        path="/api/1/vehicles/{vin}/service_data",
        scopes=_DEVICE,
        nullable=True,
    ),
    Endpoint(
        name="recent_alerts",
        method="GET",
        path="/api/1/vehicles/{vin}/recent_alerts",
        scopes=_DEVICE,
        root="response.recent_alerts[]",
    ),
    Endpoint(
        name="release_notes",
        method="GET",
        path="/api/1/vehicles/{vin}/release_notes",
        scopes=_DEVICE,
        query=("language", "staged"),
        root="response.release_notes[]",
    ),
    Endpoint(
        name="fleet_status",
        method="POST",
        path="/api/1/vehicles/fleet_status",
        scopes=_DEVICE,
        body=("vins",),
    ),
    Endpoint(
        name="warranty",
        method="GET",
        path="/api/1/dx/warranty/details",
        scopes=_DEVICE,
        query=("vin",),
        needs=("vin",),
    ),
    Endpoint(
        name="options",
        method="GET",
        path="/api/1/dx/vehicles/options",
        scopes=_DEVICE,
        query=("vin",),
        needs=("vin",),
        root="response.codes[]",
    ),
    Endpoint(
        name="specs",
        method="GET",
        path="/api/1/vehicles/{vin}/specs",
        token="partner",
        scopes=("vehicle_specs",),
        price=Price.SPECS,
    ),
)
