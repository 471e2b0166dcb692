"""What Tesla charges for a call: one table (developer.tesla.com, prices since 2025-02-01)."""

from __future__ import annotations

PRICE_USD = {"free": 0.0, "data": 0.002, "command": 0.001, "wake": 0.02, "specs": 0.10, "energy": 0.0}
"""Price of one billed call by category; energy calls are believed to be free."""

CATEGORY = {
    "vehicles": "free",
    "vehicle": "free",
    "wake_up": "wake",
    "specs": "specs",
    "products": "free",
    "site_info": "energy",
    "live_status": "energy",
    "calendar_history": "energy",
    "telemetry_history": "energy",
    "programs": "energy",
    "operation": "energy",
    "time_of_use_settings": "energy",
    "tariff_rate": "energy",
    "backup": "energy",
    "storm_mode": "energy",
    "grid_import_export": "energy",
    "off_grid_vehicle_charging_reserve": "energy",
    "partner_accounts": "free",
    "partner_public_key": "free",
    "token": "free",
    "authorize": "free",
    "unknown": "free",
}
"""Category of an endpoint; what is not named here is `data`."""


def is_billed(status: int) -> bool:
    """Every answer below 500 is billed, client errors included; 0 stands for no answer at all."""
    return 0 < status < 500


def price_usd(endpoint: str, status: int) -> float:
    """The price of one answer. Specs are charged per successful result only."""
    category = CATEGORY.get(endpoint, "data")
    if not is_billed(status) or (category == "specs" and status != 200):
        return 0.0
    return PRICE_USD[category]
