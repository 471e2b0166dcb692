"""What the car is: options, specs, software.

Source: Tesla's Fleet API documentation, vehicle endpoints.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import field

from shared.tesla.wire import Instant, Integer, Number, WireModel


class OptionCode(WireModel, frozen=True, kw_only=True, rename="camel"):
    """One option the car was built or bought with. `color_code` is given for paint."""

    code: str | None = None
    display_name: str | None = None
    is_active: bool | None = None
    color_code: str | None = None


class VehicleOptions(WireModel, frozen=True, kw_only=True):
    """All options of one car."""

    codes: tuple[OptionCode, ...] | None = None


class EquipmentPrice(WireModel, frozen=True, kw_only=True):
    """Price of one option when the car was sold, in the currency of the market."""

    code: str | None = None
    name: str | None = None
    price: Number | None = None


class VehicleSpecs(WireModel, frozen=True, kw_only=True, rename="camel"):
    """The data sheet of one VIN; partner tokens only, billed per answer.

    Tesla writes quantities as text with their units: ``"100%"``, ``"82.3kWh"``, ``"571 km"``, ``"158 kW
    (front); 303 kW (rear)"``. They are kept as sent (`battery_soh`, `battery_capacity`, `max_power`,
    `battery_range`).
    """

    vin: str | None = None
    battery_soh: str | Number | None = field(default=None, name="batterySoH")
    battery_capacity: str | Number | None = field(default=None, name="batteryCapacityKwh")
    battery_soh_timestamp: Instant | None = field(default=None, name="batterySoHTimestamp")
    battery_range: str | Number | None = field(default=None, name="batteryRangeInKm")
    max_power: str | Number | None = field(default=None, name="maxPowerInKw")
    make: str | None = None
    model: str | None = None
    model_year: Integer | None = None
    body_type: str | None = None
    equipment_price: tuple[EquipmentPrice, ...] | None = None
    trim: str | None = None
    type_of_drive: str | None = None
    number_of_seats: Integer | None = None
    number_of_doors: Integer | None = None
    number_of_gears: Integer | None = None
    paint_code: str | None = None
    interior_code: str | None = None
    third_row_seats_code: str | None = None
    decor_code: str | None = None
    wheels_code: str | None = None
    rear_seats_name: str | None = None
    seats_name: str | None = None
    towing_code: str | None = None
    total_price: Number | None = None
    vehicle_type: str | None = None
    fuel_type: str | None = None
    transmission_type: str | None = None
    autopilot_hardware_code: str | None = None
    autopilot_software_code: str | None = None
    country_of_origin: str | None = None
    production_date: Instant | None = None


class ReleaseNote(WireModel, frozen=True, kw_only=True):
    """One feature of a software version."""

    title: str | None = None
    subtitle: str | None = None
    description: str | None = None
    customer_version: str | None = None
    icon: str | None = None
    show_in_history: bool | None = None
    image_url: str | None = None
    light_image_url: str | None = None
    is_fallback: bool | None = None


class ReleaseNotes(WireModel, frozen=True, kw_only=True):
    """The notes and the versions they belong to, which Tesla has put on every level of the wrapping."""

    wire_spread: ClassVar[bool] = True

    release_notes: tuple[ReleaseNote, ...] | None = None
    deployed_version: str | None = None
    staged_version: str | None = None
    release_notes_version: str | None = None


class FleetVehicleInfo(WireModel, frozen=True, kw_only=True):
    """One car as seen by the application. `discounted_device_data` is given only when one VIN was asked for."""

    firmware_version: str | None = None
    vehicle_command_protocol_required: bool | None = None
    discounted_device_data: bool | None = None
    fleet_telemetry_version: str | None = None
    total_number_of_keys: Integer | None = None
    safety_screen_streaming_toggle_enabled: bool | None = None


class FleetStatus(WireModel, frozen=True, kw_only=True):
    """Which cars hold the application's key, and what they can do, by VIN."""

    key_paired_vins: tuple[str, ...] | None = None
    unpaired_vins: tuple[str, ...] | None = None
    vehicle_info: dict[str, FleetVehicleInfo] | None = None
