"""drive_state, gui_settings and vehicle_config of vehicle_data."""

from __future__ import annotations

from random import Random

from .answers import Json
from .vehicle_profile import Profile

LOCATION_KEYS = frozenset(
    {
        "active_route_latitude",
        "active_route_longitude",
        "gps_as_of",
        "heading",
        "latitude",
        "longitude",
        "native_latitude",
        "native_longitude",
        "native_location_supported",
        "native_type",
    }
)
"""Keys that only `location_data` brings since firmware 2023.38."""

GUI_EUROPE: Json = {
    "gui_24_hour_time": True,
    "gui_charge_rate_units": "kW",
    "gui_distance_units": "km/hr",
    "gui_range_display": "Rated",
    "gui_temperature_units": "C",
    "gui_tirepressure_units": "Bar",
    "show_range_units": False,
}

GUI_AMERICA: Json = GUI_EUROPE | {
    "gui_24_hour_time": False,
    "gui_charge_rate_units": "mi/hr",
    "gui_distance_units": "mi/hr",
    "gui_temperature_units": "F",
    "gui_tirepressure_units": "Psi",
}

VEHICLE_CONFIG: Json = {
    "aux_park_lamps": "Eu",
    "badge_version": 1,
    "can_accept_navigation_requests": True,
    "can_actuate_trunks": True,
    "car_special_type": "base",
    "charge_port_type": "CCS",
    "cop_user_set_temp_supported": True,
    "dashcam_clip_save_supported": True,
    "default_charge_to_max": False,
    "driver_assist": "TeslaAP4",
    "ece_restrictions": True,
    "efficiency_package": "M3POPPYSEED2024",
    "eu_vehicle": True,
    "exterior_trim": "Black",
    "exterior_trim_override": "",
    "has_air_suspension": False,
    "has_ludicrous_mode": False,
    "has_seat_cooling": True,
    "headlamp_type": "Global",
    "interior_trim_type": "Black2",
    "key_version": 2,
    "motorized_charge_port": True,
    "paint_color_override": "0,9,25,0.7,0.04",
    "performance_package": "Base",
    "plg": True,
    "pws": True,
    "rear_drive_unit": "PM216MOSFET",
    "rear_seat_heaters": 1,
    "rear_seat_type": 0,
    "rhd": False,
    "roof_color": "RoofColorGlass",
    "seat_type": None,
    "sentry_preview_supported": False,
    "spoiler_type": "None",
    "sun_roof_installed": None,
    "supports_qr_pairing": False,
    "third_row_seats": "None",
    "use_range_badging": True,
    "utc_offset": 7200,
    "webcam_selfie_supported": True,
    "webcam_supported": True,
    "wheel_type": "Glider18",
}


def drive_state(profile: Profile, rng: Random, epoch_s: float) -> Json:
    """A parked car's place and movement; `gps_as_of` in seconds."""
    return {
        "active_route_latitude": round(profile.latitude + 0.02, 6),
        "active_route_longitude": round(profile.longitude - 0.03, 6),
        "active_route_traffic_minutes_delay": 0,
        "gps_as_of": int(epoch_s) - rng.randint(30, 4000),
        "heading": rng.randint(0, 359),
        "latitude": profile.latitude,
        "longitude": profile.longitude,
        "native_latitude": profile.latitude,
        "native_longitude": profile.longitude,
        "native_location_supported": 1,
        "native_type": "wgs",
        "power": rng.choice((0, 0, 1, -11)),
        "shift_state": None,
        "speed": None,
        "timestamp": int(epoch_s * 1000),
    }


def gui_settings(profile: Profile, rng: Random, epoch_s: float) -> Json:
    """What the car's screen shows; the values of other objects never follow it."""
    american = profile.vin.startswith("5YJ") and rng.random() < 0.8
    return (GUI_AMERICA if american else GUI_EUROPE) | {"timestamp": int(epoch_s * 1000)}


def vehicle_config(profile: Profile, rng: Random, epoch_s: float) -> Json:
    """How the car was built."""
    return VEHICLE_CONFIG | {
        "car_type": profile.model.car_type,
        "trim_badging": profile.model.trim_badging,
        "exterior_color": profile.colour[0],
        "has_air_suspension": profile.model.car_type in {"models", "modelx"},
        "wheel_type": rng.choice(("Glider18", "Pinwheel18CapKit", "Stiletto19")),
        "timestamp": int(epoch_s * 1000),
    }
