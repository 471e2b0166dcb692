"""Packages and modules as data: what each package fetches and how each module is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from shared.tesla.scopes import LOCATION

_STATES = (
    "charge_state", "climate_state", "closures_state", "drive_state", "gui_settings", "vehicle_config",
    "vehicle_state", "charge_schedule_data", "preconditioning_schedule_data",
)  # fmt: skip


class Ask(msgspec.Struct, frozen=True):
    """The parameters of one call."""

    path: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    json: Any = None


class Module(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a report: an endpoint of the catalogue by the same name, asked once per vehicle.

    `awake`: only an awake vehicle answers it. `placed`: some of its answer is given only with the vehicle's place.
    """

    name: str
    ask: Callable[[str, frozenset[str]], Ask]
    awake: bool = False
    placed: bool = False


def _by_path(vin: str, _scopes: frozenset[str]) -> Ask:
    return Ask(path={"vin": vin})


def _by_query(vin: str, _scopes: frozenset[str]) -> Ask:
    return Ask(query={"vin": vin})


def _vehicle_data(vin: str, scopes: frozenset[str]) -> Ask:
    """`location_data` is asked for only with the scope for it (it shows an icon in the car)."""
    located = LOCATION in scopes
    groups = [group for group in _STATES if located or group != "drive_state"]
    return Ask(path={"vin": vin}, query={"endpoints": ";".join([*groups, *(["location_data"] if located else [])])})


def _fleet_status(vin: str, _scopes: frozenset[str]) -> Ask:
    """One VIN at a time, as Tesla recommends: some fields are only given then."""
    return Ask(json={"vins": [vin]})


BASE = Module(name="vehicle", ask=_by_path)
HISTORY = "charging_history"

_MODULES = (
    BASE,
    Module(name="vehicle_data", ask=_vehicle_data, awake=True, placed=True),
    Module(name="service_data", ask=_by_path),
    Module(name="recent_alerts", ask=_by_path),
    Module(name="warranty", ask=_by_query),
    Module(name="options", ask=_by_query),
    Module(name="release_notes", ask=_by_path),
    Module(name="fleet_status", ask=_fleet_status),
    Module(name="specs", ask=_by_path),
)
MODULES: Mapping[str, Module] = MappingProxyType({module.name: module for module in _MODULES})


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """What an order buys. `modules` in the order of the report; `history` brings the charging invoices too."""

    name: str
    modules: tuple[str, ...]
    history: bool


_CARE = ("vehicle", "vehicle_data", "service_data", "recent_alerts", "warranty", "options", "release_notes")
_PACKAGES = (
    Package(name="basic", modules=(*_CARE, "fleet_status"), history=False),
    Package(name="charging", modules=(*_CARE, "fleet_status"), history=True),
    Package(name="complete", modules=(*_CARE, "fleet_status", "specs"), history=True),
)
PACKAGES: Mapping[str, Package] = MappingProxyType({package.name: package for package in _PACKAGES})
EVERY_MODULE = (*(module.name for module in _MODULES), HISTORY)
