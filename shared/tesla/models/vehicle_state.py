"""Doors, tyres, software and media, as vehicle_data reports them.

Source: Tesla's Fleet API documentation, vehicle endpoints, vehicle_data. The tyres' unit is not documented: recorded
pressures lie between 2.6 and 3.2 where 2.9 is recommended.
"""

from __future__ import annotations

from msgspec import field

from shared.tesla.wire import Integer, Number, WireModel


class SoftwareUpdate(WireModel, frozen=True, kw_only=True):
    """The update that waits or runs. `version` is blank when there is none."""

    status: str | None = None
    version: str | None = None
    download_percent: Integer | None = field(default=None, name="download_perc")
    install_percent: Integer | None = field(default=None, name="install_perc")
    expected_duration_s: Integer | None = field(default=None, name="expected_duration_sec")
    scheduled_time_ms: Integer | None = None  # unix
    warning_time_remaining_ms: Integer | None = None


class SpeedLimitMode(WireModel, frozen=True, kw_only=True):
    """The owner's speed limit."""

    active: bool | None = None
    current_limit_mph: Number | None = None
    max_limit_mph: Number | None = None
    min_limit_mph: Number | None = None
    pin_code_set: bool | None = None


class MediaInfo(WireModel, frozen=True, kw_only=True):
    """What the car plays. Volumes on the car's own scale up to `audio_volume_max`."""

    audio_volume: Number | None = None
    audio_volume_max: Number | None = None
    audio_volume_increment: Number | None = None
    media_playback_status: str | None = None
    now_playing_artist: str | None = None
    now_playing_title: str | None = None
    now_playing_album: str | None = None
    now_playing_station: str | None = None
    now_playing_source: str | None = None
    now_playing_duration_ms: Integer | None = field(default=None, name="now_playing_duration")
    now_playing_elapsed_ms: Integer | None = field(default=None, name="now_playing_elapsed")
    a2dp_source_name: str | None = None


class VehicleState(WireModel, frozen=True, kw_only=True):
    """The group ``vehicle_state``.

    The odometer is in miles, tyre pressures are in bar, whatever the car displays. Doors, trunks and windows
    are 0 when closed; `df`, `dr`, `pf`, `pr` are the doors of driver and passenger side, front and rear; `ft`
    and `rt` the trunks.
    """

    odometer_mi: Number | None = field(default=None, name="odometer")
    car_version: str | None = None
    vehicle_name: str | None = None
    locked: bool | None = None
    is_user_present: bool | None = None
    sentry_mode: bool | None = None
    sentry_mode_available: bool | None = None
    dashcam_state: str | None = None
    dashcam_clip_save_available: bool | None = None
    valet_mode: bool | None = None
    valet_pin_needed: bool | None = None
    center_display_state: Integer | None = None
    df: Integer | None = None
    dr: Integer | None = None
    pf: Integer | None = None
    pr: Integer | None = None
    ft: Integer | None = None
    rt: Integer | None = None
    fd_window: Integer | None = None
    fp_window: Integer | None = None
    rd_window: Integer | None = None
    rp_window: Integer | None = None
    sun_roof_state: str | None = None
    sun_roof_percent_open: Integer | None = None
    remote_start: bool | None = None
    remote_start_enabled: bool | None = None
    remote_start_supported: bool | None = None
    api_version: Integer | None = None
    autopark_state_v2: str | None = None
    calendar_supported: bool | None = None
    notifications_supported: bool | None = None
    parsed_calendar_supported: bool | None = None
    service_mode: bool | None = None
    service_mode_plus: bool | None = None
    santa_mode: Integer | None = None
    webcam_available: bool | None = None
    feature_bitmask: str | None = None
    vehicle_self_test_progress: Integer | None = None
    vehicle_self_test_requested: bool | None = None
    tpms_pressure_fl_bar: Number | None = field(default=None, name="tpms_pressure_fl")
    tpms_pressure_fr_bar: Number | None = field(default=None, name="tpms_pressure_fr")
    tpms_pressure_rl_bar: Number | None = field(default=None, name="tpms_pressure_rl")
    tpms_pressure_rr_bar: Number | None = field(default=None, name="tpms_pressure_rr")
    # recommended cold pressure
    tpms_rcp_front_value_bar: Number | None = field(default=None, name="tpms_rcp_front_value")
    tpms_rcp_rear_value_bar: Number | None = field(default=None, name="tpms_rcp_rear_value")
    tpms_soft_warning_fl: bool | None = None
    tpms_soft_warning_fr: bool | None = None
    tpms_soft_warning_rl: bool | None = None
    tpms_soft_warning_rr: bool | None = None
    tpms_hard_warning_fl: bool | None = None
    tpms_hard_warning_fr: bool | None = None
    tpms_hard_warning_rl: bool | None = None
    tpms_hard_warning_rr: bool | None = None
    # unix
    tpms_last_seen_pressure_time_fl_s: Integer | None = field(default=None, name="tpms_last_seen_pressure_time_fl")
    tpms_last_seen_pressure_time_fr_s: Integer | None = field(default=None, name="tpms_last_seen_pressure_time_fr")
    tpms_last_seen_pressure_time_rl_s: Integer | None = field(default=None, name="tpms_last_seen_pressure_time_rl")
    tpms_last_seen_pressure_time_rr_s: Integer | None = field(default=None, name="tpms_last_seen_pressure_time_rr")
    software_update: SoftwareUpdate | None = None
    speed_limit_mode: SpeedLimitMode | None = None
    media_info: MediaInfo | None = None
    timestamp_ms: Integer | None = field(default=None, name="timestamp")  # unix
