"""Bodies of live_status, site_info and products as a site would have them, in the shape of either contract."""

from __future__ import annotations

from .answers import Json
from .clock import iso
from .config import SimulatorConfig
from .energy_physics import Settings
from .energy_plant import NO_LIMIT_W
from .energy_site import EnergySite, Present
from .energy_zone import offset_h

EMPTY_COMPONENTS = {"battery": False, "solar": False, "grid": False, "load_meter": False}
SOLAR_ONLY_KEYS = ("solar_power", "grid_services_active", "timestamp")


def live_status(site: EnergySite, config: SimulatorConfig) -> Json:
    """The body of live_status at the clock's time, or the one a stale gateway keeps repeating."""
    body = site.frozen if site.frozen is not None else live_status_now(site, config)
    return _overridden(site, "live_status", body)


def live_status_now(site: EnergySite, config: SimulatorConfig, age_s: float = 0.0) -> Json:
    """The present body of live_status, stamped `age_s` before the clock's time."""
    present, settings = site.present(), site.settings
    body = _measured(present, settings)
    body["timestamp"] = iso(present.at_s - age_s, offset_h(present.plant.zone, present.at_s))
    if config.energy_contract == "brief":
        body["backup_reserve_percent"] = settings.reserve_percent
        body["programs"] = programs(site, config)
    if "no_energy_left" in site.troubles:
        del body["energy_left"], body["total_pack_energy"]
    if "solar_only" in site.troubles:
        body = {key: body[key] for key in SOLAR_ONLY_KEYS} | {"grid_status": "Unknown"}
    return body


def _measured(present: Present, settings: Settings) -> Json:
    flows, on_grid = present.flows, settings.on_grid
    return {
        "solar_power": flows.solar_w,
        "energy_left": present.energy_wh,
        "total_pack_energy": present.plant.capacity_wh,
        "percentage_charged": present.percentage_charged,
        "backup_capable": True,
        "battery_power": flows.battery_w,
        "load_power": flows.load_w,
        "grid_status": "Active" if on_grid else "Inactive",
        "grid_power": flows.grid_w,
        "grid_services_active": False,
        "grid_services_power": 0,
        "generator_power": flows.generator_w,
        "island_status": settings.island_status,
        "storm_mode_active": settings.storming,
        "wall_connectors": [],
    }


def programs(site: EnergySite, config: SimulatorConfig) -> list[Json] | list[str]:
    """The site's programmes: objects with a status, or the bare names of the active ones."""
    if config.programs_shape == "objects":
        return site.programs
    return [str(row["name"]) for row in site.programs if row.get("status", "active") == "active"]


def site_info(site: EnergySite) -> Json:
    """The body of site_info."""
    profile, settings, plant = site.profile, site.settings, site.plant
    body: Json = {
        "id": profile.gateway,
        "site_name": profile.name,
        "installation_date": profile.installed_at,
        "installation_time_zone": plant.zone,
        "version": "25.42.1 5cdfa6a6",
        "components": _components(site),
        "user_settings": {"storm_mode_enabled": settings.storm_enabled, "vpp_tour_enabled": True},
    }
    if "solar_only" not in site.troubles:
        body |= _battery_info(site)
    return _overridden(site, "site_info", body)


def _battery_info(site: EnergySite) -> Json:
    """What only sites with a battery tell."""
    profile, settings = site.profile, site.settings
    body: Json = {
        "backup_reserve_percent": settings.reserve_percent,
        "default_real_mode": settings.mode,
        "battery_count": profile.units,
        "nameplate_power": profile.nameplate_power_w,
        "nameplate_energy": profile.nameplate_energy_wh,
        "max_site_meter_power_ac": NO_LIMIT_W,
        "min_site_meter_power_ac": -site.plant.export_limit_w,
        "vpp_backup_reserve_percent": settings.reserve_percent,
        "off_grid_vehicle_charging_reserve_percent": settings.off_grid_vehicle_reserve_percent,
    }
    if settings.tariff is not None:
        body["tariff_content_v2"] = settings.tariff.content
        body["utility"] = settings.tariff.content.get("utility", "")
    return body


def _components(site: EnergySite) -> Json:
    settings, battery_kind = site.settings, site.profile.model.battery_type
    solar = site.plant.solar_peak_w > 0
    if "solar_only" in site.troubles:
        return EMPTY_COMPONENTS | {"solar": True, "solar_type": "pv_panel", "market_type": "residential"}
    body: Json = {
        "solar": solar,
        "battery": True,
        "grid": True,
        "backup": True,
        "gateway": "teg",
        "load_meter": True,
        "tou_capable": True,
        "storm_mode_capable": True,
        "grid_services_enabled": False,
        "battery_type": battery_kind,
        "market_type": "residential",
        "configurable": True,
        "batteries": _batteries(site),
        "customer_preferred_export_rule": settings.export_rule,
        "net_meter_mode": "battery_ok",
    }
    if not settings.grid_charging:
        body["disallow_charge_from_grid_with_solar_installed"] = True
    if "non_export" in site.troubles:
        body["non_export_configured"] = True
    return body


def _batteries(site: EnergySite) -> list[Json]:
    model = site.profile.model
    unit: Json = {
        "part_name": model.name,
        "nameplate_max_charge_power": model.power_w,
        "nameplate_max_discharge_power": model.power_w,
        "nameplate_energy": model.energy_wh,
        "is_active": True,
    }
    return [unit | {"din": f"{site.profile.gateway}-{number}"} for number in range(site.profile.units)]


def product(site: EnergySite) -> Json:
    """The site's entry in products, with what is missing from dead entries left out."""
    if "untyped" in site.troubles:
        return empty_entry(site.site_id)
    profile, present, solar = site.profile, site.present(), site.plant.solar_peak_w > 0
    body: Json = {
        "energy_site_id": site.site_id,
        "resource_type": "battery",
        "site_name": profile.name,
        "id": profile.gateway,
        "gateway_id": profile.gateway,
        "asset_site_id": profile.gateway.lower(),
        "battery_type": profile.model.battery_type,
        "energy_left": present.energy_wh,
        "total_pack_energy": present.plant.capacity_wh,
        "percentage_charged": present.percentage_charged,
        "battery_power": present.flows.battery_w,
        "backup_capable": True,
        "storm_mode_enabled": site.settings.storm_enabled,
        "vpp_tour_enabled": True,
        "components": {
            "battery": True,
            "solar": solar,
            "grid": True,
            "load_meter": True,
            "market_type": "residential",
        },
    }
    return _overridden(site, "product", _reduced(site, body))


def _reduced(site: EnergySite, body: Json) -> Json:
    """The entry without what the site's troubles take away."""
    gone: tuple[str, ...] = ()
    if "solar_only" in site.troubles:
        body |= {"resource_type": "solar", "components": _components(site)}
        gone = ("battery_type", "percentage_charged", "battery_power", "backup_capable", "storm_mode_enabled")
    if "replaced" in site.troubles:
        gone = (*gone, "percentage_charged", "battery_power")
    if gone or "no_energy_left" in site.troubles:
        gone = (*gone, "energy_left", "total_pack_energy")
    return {key: value for key, value in body.items() if key not in gone} if gone else body


def empty_entry(site_id: int) -> Json:
    """The entry of a site whose devices are gone: no name, no type, nothing installed."""
    return {"energy_site_id": site_id, "components": EMPTY_COMPONENTS | {"market_type": "residential"}}


def _overridden(site: EnergySite, name: str, body: Json) -> Json:
    """The body with the keys that a test has put in."""
    changed = site.payload.get(name)
    return body | changed if isinstance(changed, dict) else body
