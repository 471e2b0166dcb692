"""Everything a car says of itself while it is awake.

Any group may be missing or null: a subset was asked for, a scope is lacking, or the car did not answer for
it.

Source: Tesla's Fleet API documentation, vehicle endpoints, vehicle_data.
"""

from __future__ import annotations

from msgspec import field

from shared.tesla.models.charge_state import ChargeState
from shared.tesla.models.climate_state import ClimateState
from shared.tesla.models.vehicle import Vehicle
from shared.tesla.models.vehicle_config import GuiSettings, VehicleConfig
from shared.tesla.models.vehicle_state import MediaInfo, SoftwareUpdate, SpeedLimitMode, VehicleState
from shared.tesla.wire import Integer, Number, WireModel

__all__ = [
    "ChargeState",
    "ClimateState",
    "DriveState",
    "GuiSettings",
    "MediaInfo",
    "SoftwareUpdate",
    "SpeedLimitMode",
    "VehicleConfig",
    "VehicleData",
    "VehicleState",
]


class DriveState(WireModel, frozen=True, kw_only=True):
    """The group ``drive_state``: absent without the scope ``vehicle_location`` on recent firmware. Personal data."""

    latitude_deg: Number | None = field(default=None, name="latitude")
    longitude_deg: Number | None = field(default=None, name="longitude")
    native_latitude_deg: Number | None = field(default=None, name="native_latitude")
    native_longitude_deg: Number | None = field(default=None, name="native_longitude")
    native_location_supported: Integer | None = None
    native_type: str | None = None
    heading_deg: Integer | None = field(default=None, name="heading")
    gps_as_of_s: Integer | None = field(default=None, name="gps_as_of")  # unix
    power_kw: Integer | None = field(default=None, name="power")  # negative while recuperating
    shift_state: str | None = None
    speed_mph: Number | None = field(default=None, name="speed")
    active_route_destination: str | None = None
    active_route_latitude_deg: Number | None = field(default=None, name="active_route_latitude")
    active_route_longitude_deg: Number | None = field(default=None, name="active_route_longitude")
    active_route_miles_to_arrival: Number | None = None
    active_route_minutes_to_arrival: Number | None = None
    active_route_energy_at_arrival_percent: Number | None = field(default=None, name="active_route_energy_at_arrival")
    active_route_traffic_minutes_delay: Number | None = None
    timestamp_ms: Integer | None = field(default=None, name="timestamp")  # unix


class VehicleData(Vehicle, frozen=True, kw_only=True):
    """The answer of ``vehicle_data``: the vehicle's base fields and seven groups."""

    charge_state: ChargeState | None = None
    climate_state: ClimateState | None = None
    drive_state: DriveState | None = None
    gui_settings: GuiSettings | None = None
    vehicle_config: VehicleConfig | None = None
    vehicle_state: VehicleState | None = None
    supercharger_payment_needed: bool | None = None  # Tesla sends a string: "false"
    supercharging_enabled: bool | None = None
