"""The endpoint catalogue: every call that this project makes to the Fleet API, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Literal


class Price(StrEnum):
    """Price category of an answer below 500 (specs: of a successful one). Prices are settings."""

    FREE = "free"
    DATA = "data"
    COMMAND = "command"
    WAKE = "wake"
    SPECS = "specs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint. `scopes`: any one of them lets a user token in; `query`: the documented parameters."""

    name: str
    method: Literal["GET", "POST"]
    path: str
    token: Literal["user", "partner"] = "user"
    scopes: tuple[str, ...] = ()
    price: Price = Price.DATA
    query: tuple[str, ...] = ()
    pdf: bool = False


_VEHICLE = ("vehicle_device_data",)
_CHARGING = ("vehicle_charging_cmds",)
_PAGES = ("startTime", "endTime", "pageNo", "pageSize", "sortBy", "sortOrder", "vin")

_ENDPOINTS = (
    Endpoint(
        name="vehicles",
        method="GET",
        path="/api/1/vehicles",
        scopes=_VEHICLE,
        price=Price.FREE,
        query=("page", "per_page"),
    ),
    Endpoint(name="vehicle", method="GET", path="/api/1/vehicles/{vin}", scopes=_VEHICLE, price=Price.FREE),
    Endpoint(
        name="vehicle_data",
        method="GET",
        path="/api/1/vehicles/{vin}/vehicle_data",
        scopes=_VEHICLE,
        query=("endpoints",),
    ),
    Endpoint(
        name="wake_up",
        method="POST",
        path="/api/1/vehicles/{vin}/wake_up",
        scopes=("vehicle_device_data", "vehicle_cmds", "vehicle_charging_cmds"),
        price=Price.WAKE,
    ),
    Endpoint(name="service_data", method="GET", path="/api/1/vehicles/{vin}/service_data", scopes=_VEHICLE),
    Endpoint(name="recent_alerts", method="GET", path="/api/1/vehicles/{vin}/recent_alerts", scopes=_VEHICLE),
    Endpoint(
        name="release_notes",
        method="GET",
        path="/api/1/vehicles/{vin}/release_notes",
        scopes=_VEHICLE,
        query=("language", "staged"),
    ),
    Endpoint(name="warranty", method="GET", path="/api/1/dx/warranty/details", scopes=_VEHICLE, query=("vin",)),
    Endpoint(name="options", method="GET", path="/api/1/dx/vehicles/options", scopes=_VEHICLE, query=("vin",)),
    Endpoint(name="specs", method="GET", path="/api/1/vehicles/{vin}/specs", token="partner", price=Price.SPECS),
    Endpoint(name="fleet_status", method="POST", path="/api/1/vehicles/fleet_status", scopes=_VEHICLE),
    Endpoint(
        name="charging_history", method="GET", path="/api/1/dx/charging/history", scopes=_CHARGING, query=_PAGES
    ),
    Endpoint(
        name="charging_invoice",
        method="GET",
        path="/api/1/dx/charging/invoice/{content_id}",
        scopes=_CHARGING,
        pdf=True,
    ),
    Endpoint(name="user_region", method="GET", path="/api/1/users/region", price=Price.FREE),
)

ENDPOINTS: Mapping[str, Endpoint] = MappingProxyType({item.name: item for item in _ENDPOINTS})
