"""How the car was built, and how its display is set.

Source: Tesla's Fleet API documentation, vehicle endpoints, vehicle_data.
"""

from __future__ import annotations

from msgspec import field

from shared.tesla.wire import Integer, WireModel


class VehicleConfig(WireModel, frozen=True, kw_only=True):
    """The group ``vehicle_config``."""

    car_type: str | None = None
    car_special_type: str | None = None
    trim_badging: str | None = None
    exterior_color: str | None = None
    exterior_trim: str | None = None
    exterior_trim_override: str | None = None
    paint_color_override: str | None = None
    interior_trim_type: str | None = None
    roof_color: str | None = None
    wheel_type: str | None = None
    charge_port_type: str | None = None
    driver_assist: str | None = None
    efficiency_package: str | None = None
    performance_package: str | None = None
    rear_drive_unit: str | None = None
    front_drive_unit: str | None = None
    aux_park_lamps: str | None = None
    headlamp_type: str | None = None
    spoiler_type: str | None = None
    third_row_seats: str | None = None
    seat_type: Integer | None = None
    rear_seat_type: Integer | None = None
    rear_seat_heaters: Integer | None = None
    sun_roof_installed: Integer | bool | None = None  # seen as null, as a number and as a boolean
    eu_vehicle: bool | None = None
    ece_restrictions: bool | None = None
    rhd: bool | None = None
    plg: bool | None = None  # power liftgate
    pws: bool | None = None  # pedestrian warning system
    has_air_suspension: bool | None = None
    has_ludicrous_mode: bool | None = None
    has_seat_cooling: bool | None = None
    can_accept_navigation_requests: bool | None = None
    can_actuate_trunks: bool | None = None
    motorized_charge_port: bool | None = None
    dashcam_clip_save_supported: bool | None = None
    default_charge_to_max: bool | None = None
    webcam_supported: bool | None = None
    webcam_selfie_supported: bool | None = None
    sentry_preview_supported: bool | None = None
    supports_qr_pairing: bool | None = None
    cop_user_set_temp_supported: bool | None = None
    use_range_badging: bool | None = None
    badge_version: Integer | None = None
    key_version: Integer | None = None
    utc_offset_s: Integer | None = field(default=None, name="utc_offset")
    timestamp_ms: Integer | None = field(default=None, name="timestamp")  # unix


class GuiSettings(WireModel, frozen=True, kw_only=True):
    """The group ``gui_settings``: what the car displays. Tesla's API keeps its own units all the same."""

    gui_24_hour_time: bool | None = None
    gui_charge_rate_units: str | None = None
    gui_distance_units: str | None = None
    gui_range_display: str | None = None
    gui_temperature_units: str | None = None
    gui_tirepressure_units: str | None = None
    show_range_units: bool | None = None
    timestamp_ms: Integer | None = field(default=None, name="timestamp")  # unix
