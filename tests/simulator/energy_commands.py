"""Writes under /api/1/energy_sites; each contract refuses the other's forms. All answer 200 with a 201 inside."""

from __future__ import annotations

from typing import Any

from .answers import Answer, Json, not_found, refuse, respond
from .energy_endpoints import reachable_site
from .energy_tariff import tariff
from .state import Exchange

MODES = frozenset({"self_consumption", "autonomous", "backup"})
EXPORT_RULES = frozenset({"battery_ok", "pv_only", "never"})
OPERATION_METHOD = {"published": "POST", "brief": "PUT"}
"""Method of the operation endpoint, by contract."""
SNAPPED_PERCENT = 80
"""Where a reserve of 81 to 99 % ends since firmware 25.18.4."""


def operation(exchange: Exchange) -> Answer:
    """Set the operating mode; a method of the other contract is refused with 405."""
    if exchange.method != OPERATION_METHOD[exchange.state.config.energy_contract]:
        raise refuse(405, "method not allowed")
    site, mode = reachable_site(exchange), exchange.json_body().get("default_real_mode")
    if mode not in MODES:
        raise refuse(400, "invalid_request", "default_real_mode")
    site.command("operation", mode=mode)
    return _updated(exchange)


def time_of_use_settings(exchange: Exchange) -> Answer:
    """POST time_of_use_settings: the published form of a tariff, alone in `tou_settings`."""
    _only(exchange, "published")
    site, settings = reachable_site(exchange), exchange.json_body().get("tou_settings")
    content = settings.get("tariff_content_v2") if isinstance(settings, dict) else None
    if not isinstance(content, dict) or not isinstance(settings, dict):
        raise refuse(400, "invalid_request", "tou_settings.tariff_content_v2")
    if "optimization_strategy" in settings:
        raise refuse(400, "invalid_request", "optimization_strategy cannot be set alongside tariff_content_v2")
    site.command("time_of_use_settings", tariff=tariff(content))
    return _updated(exchange)


def tariff_rate(exchange: Exchange) -> Answer:
    """POST tariff_rate: the brief's form of a tariff, the schedule as the whole body."""
    _only(exchange, "brief")
    site, content = reachable_site(exchange), exchange.json_body()
    if not content or "tou_settings" in content:
        raise refuse(400, "invalid_request", "the body is the schedule")
    site.command("tariff_rate", tariff=tariff(content))
    return _updated(exchange)


def backup(exchange: Exchange) -> Answer:
    """POST backup: 81 to 99 % snap to 80 or are refused, as the configuration says."""
    site, percent = reachable_site(exchange), _percent(exchange, "backup_reserve_percent")
    if SNAPPED_PERCENT < percent < 100:
        if exchange.state.config.high_reserve == "refused":
            raise refuse(400, "invalid_request", "backup_reserve_percent")
        percent = SNAPPED_PERCENT
    site.command("backup", reserve_percent=percent)
    return _updated(exchange)


def storm_mode(exchange: Exchange) -> Answer:
    """POST storm_mode: where it is off, a storm changes nothing."""
    site, enabled = reachable_site(exchange), exchange.json_body().get("enabled")
    if not isinstance(enabled, bool):
        raise refuse(400, "invalid_request", "enabled")
    site.command("storm_mode", storm_enabled=enabled)
    return _updated(exchange)


def grid_import_export(exchange: Exchange) -> Answer:
    """POST grid_import_export: export rule, charging from the grid, or both."""
    site, body, changes = reachable_site(exchange), exchange.json_body(), Json()
    rule = body.get("customer_preferred_export_rule")
    disallow = body.get("disallow_charge_from_grid_with_solar_installed")
    if rule is not None:
        changes["export_rule"] = _one_of(rule, EXPORT_RULES, "customer_preferred_export_rule")
    if disallow is not None:
        name = "disallow_charge_from_grid_with_solar_installed"
        changes["grid_charging"] = not _one_of(disallow, {True, False}, name)
    if not changes:
        raise refuse(400, "invalid_request", "nothing to set")
    site.command("grid_import_export", **changes)
    return _updated(exchange)


def off_grid_vehicle_charging_reserve(exchange: Exchange) -> Answer:
    """POST off_grid_vehicle_charging_reserve."""
    site = reachable_site(exchange)
    percent = _percent(exchange, "off_grid_vehicle_charging_reserve_percent")
    site.command("off_grid_vehicle_charging_reserve", off_grid_vehicle_reserve_percent=percent)
    return _updated(exchange)


def _only(exchange: Exchange, contract: str) -> None:
    """Refuse with 404 under the other contract, which does not know the path."""
    if exchange.state.config.energy_contract != contract:
        raise not_found()


def _percent(exchange: Exchange, name: str) -> float:
    """A number from 0 to 100 of the body.

    Raises:
        Refusal: 400.
    """
    percent = exchange.json_body().get(name)
    if isinstance(percent, bool) or not isinstance(percent, int | float) or not 0 <= percent <= 100:
        raise refuse(400, "invalid_request", name)
    return percent


def _one_of(value: Any, allowed: set[bool] | frozenset[str], name: str) -> Any:
    if isinstance(value, str | bool) and value in allowed:
        return value
    raise refuse(400, "invalid_request", name)


def _updated(exchange: Exchange) -> Answer:
    """Accepted, in one of the shapes that owners have seen."""
    shape = exchange.state.config.write_shape
    if shape == "text":
        return respond("Updated")
    code, message = ("Code", "Message") if shape == "capitalised" else ("code", "message")
    return respond({code: 201, message: "Updated"})
