"""A snapshot read once: every module as its typed model, with what could not be read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar

import msgspec

from shared.reports.analysis.modules import Outcome, outcome_of
from shared.reports.snapshot import ModuleStatus, Snapshot
from shared.reports.units import Units, instant, pressure_unit, zone_of
from shared.tesla.decode import Decoded, Undecodable, decode
from shared.tesla.models.care import RecentAlerts, ServiceData, WarrantyDetails
from shared.tesla.models.charge_state import ChargeState
from shared.tesla.models.charging import ChargingHistory
from shared.tesla.models.product import FleetStatus, ReleaseNotes, VehicleOptions, VehicleSpecs
from shared.tesla.models.vehicle import Vehicle
from shared.tesla.models.vehicle_config import GuiSettings, VehicleConfig
from shared.tesla.models.vehicle_data import VehicleData
from shared.tesla.models.vehicle_state import VehicleState
from shared.tesla.wire import WireModel

MODULES: Mapping[str, type[WireModel]] = {
    "vehicle": Vehicle,
    "vehicle_data": VehicleData,
    "charging_history": ChargingHistory,
    "recent_alerts": RecentAlerts,
    "service_data": ServiceData,
    "warranty": WarrantyDetails,
    "options": VehicleOptions,
    "specs": VehicleSpecs,
    "release_notes": ReleaseNotes,
    "fleet_status": FleetStatus,
}
"""The modules a report knows, by their name in a snapshot, and what reads them."""

M = TypeVar("M", bound=WireModel)


@dataclass(frozen=True)
class Readings:
    """One vehicle's snapshot in typed form. A module that is absent, failed or unreadable is None."""

    snapshot: Snapshot
    decoded: Mapping[str, Decoded[Any]]
    unreadable: Mapping[str, str]
    """By module: why its answer, which was fetched, could not be read."""

    verify_url: str = ""
    """Where the report can be verified; empty where that is not offered."""

    def get(self, module: str, model: type[M]) -> M | None:
        """The module's typed answer."""
        found = self.decoded.get(module)
        return found.value if found is not None and isinstance(found.value, model) else None

    @property
    def data(self) -> VehicleData:
        """Live data; empty when there is none."""
        return self.get("vehicle_data", VehicleData) or VehicleData()

    @property
    def charge(self) -> ChargeState:
        """Battery and charging; empty when there is none."""
        return self.data.charge_state or ChargeState()

    @property
    def state(self) -> VehicleState:
        """Odometer, doors, tyres, software; empty when there is none."""
        return self.data.vehicle_state or VehicleState()

    @property
    def config(self) -> VehicleConfig:
        """How the car was built; empty when there is none."""
        return self.data.vehicle_config or VehicleConfig()

    @property
    def now(self) -> datetime:
        """The report's moment, always with a zone."""
        taken_at = self.snapshot.taken_at
        return taken_at if taken_at.tzinfo is not None else taken_at.replace(tzinfo=UTC)

    @property
    def report_id(self) -> str:
        """Order and vehicle, by which the report can be found again."""
        return f"{self.snapshot.order_id}.{self.snapshot.vehicle_id}"

    @cached_property
    def snapshot_sha256(self) -> str:
        """Digest of the snapshot's bytes as they are stored, in hexadecimal."""
        return hashlib.sha256(self.snapshot.encode()).hexdigest()

    def fetched_at(self, module: str) -> datetime | None:
        """When the module was fetched."""
        result = self.snapshot.module(module)
        return None if result is None else result.fetched_at

    def measured_at(self, timestamp_ms: int | None, module: str = "vehicle_data") -> datetime | None:
        """When the car measured a group: its own timestamp, else the time of the fetch."""
        return instant(timestamp_ms) or self.fetched_at(module)

    @cached_property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Every module of the order and what became of it, in the snapshot's order."""
        return tuple(
            outcome_of(
                result,
                self.unreadable.get(result.module),
                self.decoded[result.module].lost if result.module in self.decoded else (),
            )
            for result in self.snapshot.modules
        )

    @cached_property
    def units(self) -> Units:
        """The car's own units and clock; without them the region's."""
        return units_of(self.data.gui_settings, self.snapshot.region, self.config.utc_offset_s)

    def payload(self, module: str) -> Any:
        """The module's answer as plain JSON inside its wrappers, or None."""
        result = self.snapshot.module(module)
        if result is None or not result.body or result.status is not ModuleStatus.OK:
            return None
        tree = _plain(bytes(result.body))
        while isinstance(tree, dict) and "response" in tree:
            tree = tree["response"]
        return tree


def read(snapshot: Snapshot, verify_url: str = "") -> Readings:
    """Decode every module that was answered. Never raises: what cannot be read is named in the result."""
    decoded: dict[str, Decoded[Any]] = {}
    unreadable: dict[str, str] = {}
    for result in snapshot.modules:
        model = MODULES.get(result.module)
        if result.status is not ModuleStatus.OK or model is None:
            continue
        try:
            decoded[result.module] = decode(result.body, model)
        except Undecodable as problem:
            unreadable[result.module] = problem.reason
    return Readings(snapshot, decoded, unreadable, verify_url)


def units_of(gui: GuiSettings | None, region: str, offset_s: int | None) -> Units:
    """The units of ``gui_settings``; what it leaves open follows the region."""
    gui = gui or GuiSettings()
    american = region.lower() == "na"
    distance = (gui.gui_distance_units or ("mi" if american else "km")).lower()
    temperature = (gui.gui_temperature_units or ("F" if american else "C")).strip().upper()
    clock_24h = gui.gui_24_hour_time
    return Units(
        distance="mi" if distance.startswith("mi") else "km",
        temperature="°F" if temperature.startswith("F") else "°C",
        pressure=pressure_unit(gui.gui_tirepressure_units, "psi" if american else "bar"),
        clock_24h=not american if clock_24h is None else clock_24h,
        zone=zone_of(offset_s),
        from_car=gui.gui_distance_units is not None,
    )


def _plain(body: bytes) -> Any:
    """JSON as plain objects, read as tolerantly as the models are; None if that fails."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return json.loads(body.decode("utf-8-sig", errors="replace"))
    except (ValueError, RecursionError):
        return None
