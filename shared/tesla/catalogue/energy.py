"""Energy sites: reads, writes, and the two contracts that writes and scopes come in.

Sources: Tesla's Fleet API documentation, energy endpoints; `programs` is known from clients of the owner API only.
All energy calls in the published contract are GET or POST; a write answers 200 with a 201 inside.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from shared.tesla.catalogue.endpoint import WHOLE_BODY, Contract, Endpoint, Price

ENERGY_SCOPES: Mapping[Contract, tuple[str, str]] = MappingProxyType(
    {
        Contract.PUBLISHED: ("energy_device_data", "energy_cmds"),
        Contract.BRIEF: ("energy:read", "energy:write"),
    }
)
"""Read and write scope by contract; whichever was granted lets in."""

_READ = tuple(read for read, _ in ENERGY_SCOPES.values())
_WRITE = tuple(write for _, write in ENERGY_SCOPES.values())
_SITE = "/api/1/energy_sites/{energy_site_id}"


class EnergyAction(StrEnum):
    """What is set at a site, whichever endpoint the contract has for it."""

    OPERATION = "operation"
    TARIFF = "tariff"
    BACKUP = "backup"
    STORM_MODE = "storm_mode"
    GRID_IMPORT_EXPORT = "grid_import_export"
    OFF_GRID_VEHICLE_CHARGING_RESERVE = "off_grid_vehicle_charging_reserve"


def _read(name: str, **more: Any) -> Endpoint:
    """A GET below the site."""
    return Endpoint(name=name, method="GET", path=f"{_SITE}/{name}", scopes=_READ, price=Price.ENERGY, **more)


def _write(name: str, *body: str, **more: Any) -> Endpoint:
    """A POST below the site, unless `more` says otherwise."""
    shape: dict[str, Any] = {"name": name, "method": "POST", "path": f"{_SITE}/{name}", **more}
    return Endpoint(scopes=_WRITE, price=Price.ENERGY, body=body, **shape)


_HISTORY = ("kind", "start_date", "end_date", "time_zone")
_KIND = ("kind",)

_OPERATION = _write("operation", "default_real_mode", contract=Contract.PUBLISHED)
_OPERATION_PUT = _write(
    "operation_put", "default_real_mode", method="PUT", path=_OPERATION.path, contract=Contract.BRIEF
)
_TIME_OF_USE = _write("time_of_use_settings", "tou_settings.tariff_content_v2", contract=Contract.PUBLISHED)
_TARIFF_RATE = _write("tariff_rate", WHOLE_BODY, contract=Contract.BRIEF)
_BACKUP = _write("backup", "backup_reserve_percent")
_STORM_MODE = _write("storm_mode", "enabled")
_GRID = _write(
    "grid_import_export", "disallow_charge_from_grid_with_solar_installed", "customer_preferred_export_rule"
)
_OFF_GRID = _write("off_grid_vehicle_charging_reserve", "off_grid_vehicle_charging_reserve_percent")

ENERGY = (
    Endpoint(
        name="products",
        method="GET",
        path="/api/1/products",
        scopes=("vehicle_device_data", *_READ),
        price=Price.FREE,
        root="response[]",
    ),
    _read("site_info"),
    _read("live_status", nullable=True),
    _read("calendar_history", query=(*_HISTORY, "period"), needs=_KIND, kinds=("energy", "backup"), nullable=True),
    _read("telemetry_history", query=_HISTORY, needs=_KIND, kinds=("charge",), nullable=True),
    _read("programs", root="response.programs[]", nullable=True, documented=False),
    _OPERATION,
    _OPERATION_PUT,
    _TIME_OF_USE,
    _TARIFF_RATE,
    _BACKUP,
    _STORM_MODE,
    _GRID,
    _OFF_GRID,
)

_SAME: Mapping[EnergyAction, Endpoint] = MappingProxyType(
    {
        EnergyAction.BACKUP: _BACKUP,
        EnergyAction.STORM_MODE: _STORM_MODE,
        EnergyAction.GRID_IMPORT_EXPORT: _GRID,
        EnergyAction.OFF_GRID_VEHICLE_CHARGING_RESERVE: _OFF_GRID,
    }
)
_BY_CONTRACT: Mapping[Contract, Mapping[EnergyAction, Endpoint]] = MappingProxyType(
    {
        Contract.PUBLISHED: {EnergyAction.OPERATION: _OPERATION, EnergyAction.TARIFF: _TIME_OF_USE, **_SAME},
        Contract.BRIEF: {EnergyAction.OPERATION: _OPERATION_PUT, EnergyAction.TARIFF: _TARIFF_RATE, **_SAME},
    }
)


def energy_endpoint(action: EnergyAction, contract: Contract) -> Endpoint:
    """The endpoint that carries out the action under the contract; `Endpoint.body_with` makes its body."""
    return _BY_CONTRACT[contract][action]
