"""charge_state and climate_state of vehicle_data. Miles, Celsius, kW, kWh; `timestamp` in milliseconds."""

from __future__ import annotations

from random import Random

from .answers import Json
from .vehicle_profile import Profile

CHARGE_STATE: Json = {
    "battery_heater_on": False,
    "charge_amps": 16,
    "charge_current_request": 16,
    "charge_current_request_max": 16,
    "charge_enable_request": True,
    "charge_limit_soc_max": 100,
    "charge_limit_soc_min": 50,
    "charge_limit_soc_std": 80,
    "charge_port_cold_weather_mode": False,
    "charge_port_color": "Off",
    "charge_port_door_open": False,
    "charge_port_latch": "Engaged",
    "charge_rate": 0.0,
    "charger_actual_current": 0,
    "charger_phases": None,
    "charger_pilot_current": 16,
    "charger_power": 0,
    "charger_voltage": 2,
    "charging_state": "Disconnected",
    "conn_charge_cable": "<invalid>",
    "fast_charger_brand": "<invalid>",
    "fast_charger_present": False,
    "fast_charger_type": "<invalid>",
    "max_range_charge_counter": 0,
    "minutes_to_full_charge": 0,
    "not_enough_power_to_heat": None,
    "off_peak_charging_enabled": False,
    "off_peak_charging_times": "all_week",
    "off_peak_hours_end_time": 360,
    "preconditioning_enabled": True,
    "preconditioning_times": "weekdays",
    "scheduled_charging_mode": "Off",
    "scheduled_charging_pending": False,
    "scheduled_charging_start_time": None,
    "scheduled_departure_time_minutes": 450,
    "supercharger_session_trip_planner": False,
    "time_to_full_charge": 0.0,
    "trip_charging": False,
    "user_charge_enable_request": None,
}

CHARGING_NOW: Json = {
    "charge_port_color": "Green",
    "charge_port_door_open": True,
    "charge_rate": 31.4,
    "charger_actual_current": 16,
    "charger_phases": 2,
    "charger_power": 11,
    "charger_voltage": 231,
    "charging_state": "Charging",
    "conn_charge_cable": "IEC",
    "fast_charger_type": "ACSingleWireCAN",
}
"""What differs while a car charges at home."""

CLIMATE_STATE: Json = {
    "allow_cabin_overheat_protection": True,
    "auto_seat_climate_left": False,
    "auto_seat_climate_right": False,
    "auto_steering_wheel_heat": False,
    "battery_heater": False,
    "battery_heater_no_power": None,
    "bioweapon_mode": False,
    "cabin_overheat_protection": "On",
    "cabin_overheat_protection_actively_cooling": False,
    "climate_keeper_mode": "off",
    "cop_activation_temperature": "High",
    "defrost_mode": 0,
    "driver_temp_setting": 21.5,
    "fan_status": 0,
    "hvac_auto_request": "On",
    "is_auto_conditioning_on": False,
    "is_climate_on": False,
    "is_front_defroster_on": False,
    "is_preconditioning": False,
    "is_rear_defroster_on": False,
    "left_temp_direction": -293,
    "max_avail_temp": 28.0,
    "min_avail_temp": 15.0,
    "passenger_temp_setting": 21.5,
    "remote_heater_control_enabled": False,
    "right_temp_direction": -293,
    "seat_fan_front_left": 0,
    "seat_fan_front_right": 0,
    "seat_heater_left": 0,
    "seat_heater_rear_center": 0,
    "seat_heater_rear_left": 0,
    "seat_heater_rear_right": 0,
    "seat_heater_right": 0,
    "side_mirror_heaters": False,
    "steering_wheel_heat_level": 0,
    "steering_wheel_heater": False,
    "supports_fan_only_cabin_overheat_protection": True,
    "wiper_blade_heater": False,
}


def charge_state(profile: Profile, rng: Random, epoch_s: float) -> Json:
    """The battery of one car; about one car in five is charging."""
    level, full_mi = profile.battery_level, profile.full_range_mi
    rated_mi = round(full_mi * level / 100, 2)
    added_kwh = round(rng.uniform(3, 45), 2)
    added_mi = round(added_kwh * full_mi / (profile.model.capacity_kwh * profile.health), 1)
    state = CHARGE_STATE | {
        "battery_level": level,
        "usable_battery_level": level - rng.randint(0, 1),
        "battery_range": rated_mi,
        "ideal_battery_range": rated_mi,
        "est_battery_range": round(rated_mi * rng.uniform(0.8, 1.02), 2),
        "charge_limit_soc": rng.choice((70, 80, 83, 90)),
        "charge_energy_added": added_kwh,
        "charge_miles_added_rated": added_mi,
        "charge_miles_added_ideal": added_mi,
        "scheduled_departure_time": int(epoch_s) + 450 * 60,
        "energy_remaining": round(profile.model.capacity_kwh * profile.health * level / 100, 2),
        "timestamp": int(epoch_s * 1000),
    }
    if rng.random() < 0.2:
        minutes = max(0, int((90 - level) * 4.2))
        state |= CHARGING_NOW | {
            "minutes_to_full_charge": minutes,
            "time_to_full_charge": round(minutes / 60, 2),
        }
    return state


def climate_state(profile: Profile, rng: Random, epoch_s: float) -> Json:
    """The cabin of one parked car."""
    outside_c = round(rng.uniform(-15, 27) * 2) / 2
    return CLIMATE_STATE | {
        "inside_temp": round(outside_c + rng.uniform(0, 12), 1),
        "outside_temp": outside_c,
        "seat_heater_left": rng.choice((0, 0, 0, 2)),
        "is_climate_on": profile.battery_level > 90,
        "timestamp": int(epoch_s * 1000),
    }


def charge_schedules(epoch_s: float) -> Json:
    """charge_schedule_data (firmware 2024.26 and later)."""
    schedule = {"id": int(epoch_s), "name": "", "days_of_week": 127, "start_enabled": True, "start_time": 60}
    return {
        "charge_buffer": 15,
        "charge_schedules": [schedule | {"end_enabled": True, "end_time": 360, "enabled": True, "one_time": False}],
        "charge_schedule_window": None,
        "max_num_charge_schedules": 100,
        "next_schedule": False,
        "show_complete_state": False,
        "timestamp": int(epoch_s * 1000),
    }


def precondition_schedules(epoch_s: float) -> Json:
    """preconditioning_schedule_data (firmware 2024.26 and later)."""
    return {
        "max_num_precondition_schedules": 100,
        "next_schedule": False,
        "precondition_schedules": [],
        "preconditioning_schedule_window": None,
        "timestamp": int(epoch_s * 1000),
    }
