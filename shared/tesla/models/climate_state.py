"""Cabin climate, as vehicle_data reports it.

Source: Tesla's Fleet API documentation, vehicle endpoints, vehicle_data.
"""

from __future__ import annotations

from msgspec import field

from shared.tesla.wire import Integer, Number, WireModel


class ClimateState(WireModel, frozen=True, kw_only=True):
    """The group ``climate_state``. Temperatures in degrees Celsius; heater and fan levels are steps from 0 (off)."""

    inside_temp_c: Number | None = field(default=None, name="inside_temp")
    outside_temp_c: Number | None = field(default=None, name="outside_temp")
    driver_temp_setting_c: Number | None = field(default=None, name="driver_temp_setting")
    passenger_temp_setting_c: Number | None = field(default=None, name="passenger_temp_setting")
    min_avail_temp_c: Number | None = field(default=None, name="min_avail_temp")
    max_avail_temp_c: Number | None = field(default=None, name="max_avail_temp")
    is_climate_on: bool | None = None
    is_auto_conditioning_on: bool | None = None
    is_preconditioning: bool | None = None
    is_front_defroster_on: bool | None = None
    is_rear_defroster_on: bool | None = None
    fan_status: Integer | None = None
    hvac_auto_request: str | None = None
    cabin_overheat_protection: str | None = None
    cabin_overheat_protection_actively_cooling: bool | None = None
    cop_activation_temperature: str | None = None
    allow_cabin_overheat_protection: bool | None = None
    supports_fan_only_cabin_overheat_protection: bool | None = None
    climate_keeper_mode: str | None = None
    defrost_mode: Integer | None = None
    battery_heater: bool | None = None
    battery_heater_no_power: bool | None = None
    steering_wheel_heater: bool | None = None
    steering_wheel_heat_level: Integer | None = None
    auto_steering_wheel_heat: bool | None = None
    seat_heater_left: Integer | None = None
    seat_heater_right: Integer | None = None
    seat_heater_rear_left: Integer | None = None
    seat_heater_rear_center: Integer | None = None
    seat_heater_rear_right: Integer | None = None
    seat_fan_front_left: Integer | None = None
    seat_fan_front_right: Integer | None = None
    auto_seat_climate_left: bool | None = None
    auto_seat_climate_right: bool | None = None
    side_mirror_heaters: bool | None = None
    wiper_blade_heater: bool | None = None
    remote_heater_control_enabled: bool | None = None
    left_temp_direction: Integer | None = None
    right_temp_direction: Integer | None = None
    timestamp_ms: Integer | None = field(default=None, name="timestamp")  # unix
