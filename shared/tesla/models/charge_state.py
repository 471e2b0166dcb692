"""Battery and charging, as vehicle_data reports them.

Source: Tesla's Fleet API documentation, vehicle endpoints, vehicle_data.
"""

from __future__ import annotations

from msgspec import field

from shared.tesla.wire import Integer, Number, WireModel


class ChargeState(WireModel, frozen=True, kw_only=True):
    """The group ``charge_state``.

    Tesla's units are fixed whatever the car displays: miles, kWh, kW, A, V, percent. Text fields say
    ``"<invalid>"`` where the car has no value.
    """

    battery_level_percent: Integer | None = field(default=None, name="battery_level")
    # less what the cold withholds
    usable_battery_level_percent: Integer | None = field(default=None, name="usable_battery_level")
    battery_range_mi: Number | None = field(default=None, name="battery_range")  # rated
    ideal_battery_range_mi: Number | None = field(default=None, name="ideal_battery_range")
    est_battery_range_mi: Number | None = field(default=None, name="est_battery_range")  # from recent consumption
    energy_remaining_kwh: Number | None = field(default=None, name="energy_remaining")
    lifetime_energy_used_kwh: Number | None = field(default=None, name="lifetime_energy_used")
    module_temp_min_c: Number | None = field(default=None, name="module_temp_min")
    module_temp_max_c: Number | None = field(default=None, name="module_temp_max")
    battery_heater_on: bool | None = None
    not_enough_power_to_heat: bool | None = None
    charging_state: str | None = None  # Disconnected, Charging, Complete, Stopped, ...
    charge_limit_soc_percent: Integer | None = field(default=None, name="charge_limit_soc")
    charge_limit_soc_max_percent: Integer | None = field(default=None, name="charge_limit_soc_max")
    charge_limit_soc_min_percent: Integer | None = field(default=None, name="charge_limit_soc_min")
    charge_limit_soc_std_percent: Integer | None = field(default=None, name="charge_limit_soc_std")
    charge_energy_added_kwh: Number | None = field(default=None, name="charge_energy_added")  # in the last charge
    charge_miles_added_rated: Number | None = None
    charge_miles_added_ideal: Number | None = None
    charge_rate_mi_per_h: Number | None = field(default=None, name="charge_rate")
    charge_amps: Integer | None = None
    charge_current_request_a: Integer | None = field(default=None, name="charge_current_request")
    charge_current_request_max_a: Integer | None = field(default=None, name="charge_current_request_max")
    charger_actual_current_a: Integer | None = field(default=None, name="charger_actual_current")
    charger_voltage_v: Integer | None = field(default=None, name="charger_voltage")
    charger_power_kw: Integer | None = field(default=None, name="charger_power")
    charger_pilot_current_a: Integer | None = field(default=None, name="charger_pilot_current")
    charger_phases: Integer | None = None
    charge_port_door_open: bool | None = None
    charge_port_latch: str | None = None
    charge_port_color: str | None = None
    charge_port_cold_weather_mode: bool | None = None
    conn_charge_cable: str | None = None
    fast_charger_present: bool | None = None
    fast_charger_brand: str | None = None
    fast_charger_type: str | None = None
    charge_enable_request: bool | None = None
    user_charge_enable_request: bool | None = None
    minutes_to_full_charge: Integer | None = None
    time_to_full_charge_h: Number | None = field(default=None, name="time_to_full_charge")
    max_range_charge_counter: Integer | None = None
    off_peak_charging_enabled: bool | None = None
    off_peak_charging_times: str | None = None
    # after midnight
    off_peak_hours_end_time_minutes: Integer | None = field(default=None, name="off_peak_hours_end_time")
    preconditioning_enabled: bool | None = None
    preconditioning_times: str | None = None
    scheduled_charging_mode: str | None = None
    scheduled_charging_pending: bool | None = None
    # unix
    scheduled_charging_start_time_s: Integer | None = field(default=None, name="scheduled_charging_start_time")
    # after midnight
    scheduled_charging_start_time_app_minutes: Integer | None = field(
        default=None, name="scheduled_charging_start_time_app"
    )
    scheduled_departure_time_s: Integer | None = field(default=None, name="scheduled_departure_time")  # unix
    scheduled_departure_time_minutes: Integer | None = None  # after midnight
    supercharger_session_trip_planner: bool | None = None
    trip_charging: bool | None = None
    timestamp_ms: Integer | None = field(default=None, name="timestamp")  # unix
