"""vehicle_state of vehicle_data. Miles, bar (tyres), mph; `timestamp` in milliseconds."""

from __future__ import annotations

from random import Random

from .answers import Json
from .vehicle_profile import Profile

VEHICLE_STATE: Json = {
    "api_version": 90,
    "autopark_state_v2": "unavailable",
    "calendar_supported": True,
    "center_display_state": 0,
    "dashcam_clip_save_available": True,
    "dashcam_state": "Recording",
    "feature_bitmask": "fbdffbff,187f",
    "is_user_present": False,
    "media_state": {"remote_control_enabled": True},
    "notifications_supported": True,
    "parsed_calendar_supported": True,
    "remote_start": False,
    "remote_start_enabled": True,
    "remote_start_supported": True,
    "santa_mode": 0,
    "sentry_mode_available": True,
    "service_mode": False,
    "service_mode_plus": False,
    "valet_mode": False,
    "valet_pin_needed": True,
    "vehicle_self_test_progress": 0,
    "vehicle_self_test_requested": False,
    "webcam_available": True,
}

CLOSURES: Json = {
    "locked": True,
    "df": 0,
    "dr": 0,
    "pf": 0,
    "pr": 0,
    "ft": 0,
    "rt": 0,
    "fd_window": 0,
    "fp_window": 0,
    "rd_window": 0,
    "rp_window": 0,
}
"""Doors, trunks and windows: the part that `closures_state` asks for."""

SPEED_LIMIT: Json = {
    "active": False,
    "current_limit_mph": 85.0,
    "max_limit_mph": 120.0,
    "min_limit_mph": 50.0,
    "pin_code_set": False,
}

MEDIA: Json = {
    "audio_volume": 2.0,
    "audio_volume_increment": 0.333333,
    "audio_volume_max": 10.333,
    "media_playback_status": "Playing",
    "now_playing_album": "",
    "now_playing_artist": "",
    "now_playing_duration": 0,
    "now_playing_elapsed": 0,
    "now_playing_source": "13",
    "now_playing_station": "FM NRJ",
    "now_playing_title": "Hit Music Only!",
}

RECOMMENDED_BAR = 2.9
WHEELS = ("fl", "fr", "rl", "rr")


def vehicle_state(profile: Profile, rng: Random, epoch_s: float) -> Json:
    """Odometer, firmware, doors, tyres, media and update of one car."""
    owner = rng.choice(("Anna", "Jürgen", "太郎", "User"))
    return (
        VEHICLE_STATE
        | closures(rng)
        | tyres(rng, epoch_s)
        | {
            "car_version": f"{profile.firmware} {rng.getrandbits(48):012x}",
            "odometer": profile.odometer_mi,
            "vehicle_name": profile.display_name,
            "sentry_mode": rng.random() < 0.5,
            "software_update": software_update(rng),
            "speed_limit_mode": dict(SPEED_LIMIT),
            "media_info": MEDIA | {"a2dp_source_name": f"iPhone ({owner})"},
            "timestamp": int(epoch_s * 1000),
        }
    )


def closures(rng: Random) -> Json:
    """Doors and windows: shut, now and then a window open."""
    return CLOSURES | {"rd_window": 1 if rng.random() < 0.1 else 0}


def tyres(rng: Random, epoch_s: float) -> Json:
    """Pressures in bar; a soft warning 0.2 bar below the recommendation, a hard one 0.6 below."""
    state: Json = {"tpms_rcp_front_value": RECOMMENDED_BAR, "tpms_rcp_rear_value": RECOMMENDED_BAR}
    for wheel in WHEELS:
        pressure_bar = round(rng.uniform(2.15, 3.1) * 40) / 40
        state[f"tpms_pressure_{wheel}"] = pressure_bar
        state[f"tpms_soft_warning_{wheel}"] = pressure_bar < RECOMMENDED_BAR - 0.2
        state[f"tpms_hard_warning_{wheel}"] = pressure_bar < RECOMMENDED_BAR - 0.6
        state[f"tpms_last_seen_pressure_time_{wheel}"] = int(epoch_s) - rng.randint(60, 90_000)
    return state


def software_update(rng: Random) -> Json:
    """No update, or one that waits; `version` of none is one blank, as recorded."""
    waiting = rng.random() < 0.3
    return {
        "download_perc": 100 if waiting else 0,
        "install_perc": 1,
        "expected_duration_sec": 2700,
        "status": "available" if waiting else "",
        "version": "2026.20.1" if waiting else " ",
    }
