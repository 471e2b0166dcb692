"""What a scope that the owner did not grant costs the report."""

from __future__ import annotations

from collections.abc import Collection

from shared.orders.packages import HISTORY, PACKAGES
from shared.orders.vehicle_fetch import INVOICES
from shared.tesla.catalogue import ENDPOINTS
from shared.tesla.scopes import LOCATION

_PLACE = ("vehicle_data.drive_state", "vehicle_data.location_data")
"""Groups of `vehicle_data` that Tesla gives only with the location (since 2024-11; Tesla, vehicle endpoints)."""


def absent_modules(package: str, scope: str, granted: Collection[str]) -> list[str]:
    """The modules of the package that are not fetched for want of the scope, in the order of the report."""
    bought = PACKAGES[package]
    names = [*bought.modules, *([HISTORY] if bought.history else [])]
    absent = [name for name in names if _shut(name, scope, granted)]
    absent += [INVOICES] if HISTORY in absent else []
    return absent + (list(_PLACE) if scope == LOCATION and "vehicle_data" in names else [])


def _shut(name: str, scope: str, granted: Collection[str]) -> bool:
    endpoint = ENDPOINTS[name]
    return endpoint.token == "user" and scope in endpoint.scopes and not set(endpoint.scopes).intersection(granted)
