"""An energy site's equipment and settings, which change seldom.

Source: Tesla's Fleet API documentation, energy endpoints, and recorded answers.
"""

from __future__ import annotations

from typing import Any

from msgspec import field

from shared.tesla.wire import Instant, Integer, Number, WireModel


class SiteUserSettings(WireModel, frozen=True, kw_only=True):
    """Settings of the owner's app."""

    storm_mode_enabled: bool | None = None
    vpp_tour_enabled: bool | None = None
    sync_grid_alert_enabled: bool | None = None
    breaker_alert_enabled: bool | None = None
    off_grid_vehicle_charging_enabled: bool | None = None
    powerwall_onboarding_settings_set: bool | None = None


class SiteDevice(WireModel, frozen=True, kw_only=True):
    """One device of a site. The nameplate fields are given for batteries: W and Wh."""

    device_id: str | None = None
    din: str | None = None
    serial_number: str | None = None
    part_number: str | None = None
    part_type: Integer | None = None
    part_name: str | None = None
    is_active: bool | None = None
    firmware_version: str | None = None
    nameplate_max_charge_power_w: Number | None = field(default=None, name="nameplate_max_charge_power")
    nameplate_max_discharge_power_w: Number | None = field(default=None, name="nameplate_max_discharge_power")
    nameplate_energy_wh: Number | None = field(default=None, name="nameplate_energy")


class SiteComponents(WireModel, frozen=True, kw_only=True):
    """What a site has and may do.

    `disallow_charge_from_grid_with_solar_installed` is present only when true.
    """

    solar: bool | None = None
    solar_type: str | None = None
    battery: bool | None = None
    battery_type: str | None = None
    grid: bool | None = None
    backup: bool | None = None
    load_meter: bool | None = None
    gateway: str | None = None
    market_type: str | None = None
    tou_capable: bool | None = None
    storm_mode_capable: bool | None = None
    configurable: bool | None = None
    grid_services_enabled: bool | None = None
    set_islanding_mode_enabled: bool | None = None
    off_grid_vehicle_charging_reserve_supported: bool | None = None
    disallow_charge_from_grid_with_solar_installed: bool | None = None
    customer_preferred_export_rule: str | None = None  # battery_ok, pv_only, never
    non_export_configured: bool | None = None
    net_meter_mode: str | None = None
    edit_setting_permission_to_export: bool | None = None
    edit_setting_grid_charging: bool | None = None
    edit_setting_energy_exports: bool | None = None
    gateways: tuple[SiteDevice, ...] | None = None
    batteries: tuple[SiteDevice, ...] | None = None
    inverters: tuple[SiteDevice, ...] | None = None
    wall_connectors: tuple[SiteDevice, ...] | None = None


class AggregationProgram(WireModel, frozen=True, kw_only=True):
    """A virtual power plant the site may belong to. A hint only."""

    name: str | None = None
    description: str | None = None


class SiteInfo(WireModel, frozen=True, kw_only=True):
    """The answer of ``site_info``. Solar-only sites lack most of it. W and Wh throughout.

    Tariffs are kept as sent, so that they can be written back: their keys are the utility's. A meter limit of
    1000000000 means none. `installation_time_zone` is an IANA name or blank.
    """

    id: str | None = None
    site_name: str | None = None
    backup_reserve_percent: Number | None = None
    default_real_mode: str | None = None  # autonomous, self_consumption, backup
    installation_date: Instant | None = None
    installation_time_zone: str | None = None
    time_zone_offset_minutes: Number | None = field(default=None, name="time_zone_offset")
    version: str | None = None
    battery_count: Integer | None = None
    nameplate_power_w: Number | None = field(default=None, name="nameplate_power")
    nameplate_energy_wh: Number | None = field(default=None, name="nameplate_energy")
    max_site_meter_power_ac_w: Number | None = field(default=None, name="max_site_meter_power_ac")
    min_site_meter_power_ac_w: Number | None = field(default=None, name="min_site_meter_power_ac")
    vpp_backup_reserve_percent: Number | None = None
    off_grid_vehicle_charging_reserve_percent: Number | None = None
    user_settings: SiteUserSettings | None = None
    components: SiteComponents | None = None
    aggregation_program: AggregationProgram | None = None
    utility: str | None = None
    tariff_id: str | None = None
    tou_settings: dict[str, Any] | None = None
    tariff_content: dict[str, Any] | None = None
    tariff_content_v2: dict[str, Any] | None = None
