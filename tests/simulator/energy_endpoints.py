"""Reads under /api/1/products and /api/1/energy_sites; the contract in force decides what they carry."""

from __future__ import annotations

from .answers import Answer, Json, not_found, refuse, respond
from .clock import parse_iso
from .energy_history import PERIODS, Span, backup_history, energy_history
from .energy_site import EnergySite
from .energy_zone import DAY_S, offset_s
from .payload_energy import empty_entry, product, programs
from .payload_energy import live_status as live_status_body
from .payload_energy import site_info as site_info_body
from .scopes import ANY_ENERGY_READ
from .state import Exchange

BATTERY_SILENT = "Can't get recent status from the battery"
"""How a 408 words a gateway out of reach."""


def products(exchange: Exchange) -> Answer:
    """GET products: cars and sites, as far as the scopes reach, and one site without any device."""
    account, scopes = exchange.account, exchange.principal.scopes if exchange.principal else frozenset()
    rows: list[Json] = []
    if "vehicle_device_data" in scopes:
        rows += [car.base() for car in account.vehicles]
    if scopes & ANY_ENERGY_READ:
        rows += [product(site) for site in account.sites]
        if account.sites and exchange.state.config.empty_site:
            rows.append(empty_entry(account.sites[0].site_id + 99_999))
    return respond(rows, count=len(rows))


def owned_site(exchange: Exchange) -> EnergySite:
    """The site of the path, if it belongs to the token's owner.

    Raises:
        Refusal: 404.
    """
    account, site = exchange.state.world.sites.get(exchange.params["site_id"], (None, None))
    if site is None or account is not exchange.account:
        raise not_found()
    return site


def reachable_site(exchange: Exchange) -> EnergySite:
    """The site of the path, if its gateway answers.

    Raises:
        Refusal: 404; 500 or 408 of a gateway out of reach.
    """
    site = owned_site(exchange)
    if "dead_500" in site.troubles:
        raise refuse(500, "upstream internal error")
    if "dead_408" in site.troubles:
        raise refuse(408, BATTERY_SILENT)
    return site


def site_info(exchange: Exchange) -> Answer:
    """GET energy_sites/{id}/site_info: kept by Tesla, so a gateway out of reach does not matter."""
    site = owned_site(exchange)
    if "replaced" in site.troubles:
        raise refuse(500, "upstream internal error")
    return respond(site_info_body(site))


def live_status(exchange: Exchange) -> Answer:
    """GET energy_sites/{id}/live_status."""
    return respond(live_status_body(reachable_site(exchange), exchange.state.config))


def site_programs(exchange: Exchange) -> Answer:
    """GET energy_sites/{id}/programs: undocumented, there only where the configuration says so."""
    if not exchange.state.config.programs_endpoint:
        raise not_found()
    return respond({"programs": programs(owned_site(exchange), exchange.state.config)})


def calendar_history(exchange: Exchange) -> Answer:
    """GET energy_sites/{id}/calendar_history, kinds energy and backup."""
    site, span = owned_site(exchange), _span(exchange, owned_site(exchange))
    kind, period = exchange.query.get("kind"), exchange.query.get("period", "day")
    if period not in PERIODS or kind not in {"energy", "backup"}:
        raise refuse(400, "invalid_request", "kind or period")
    if kind == "backup":
        return respond(backup_history(site, span))
    if _ends_at_midnight(exchange):
        return respond({"serial_number": "", "period": period})
    return respond(energy_history(site, span, period))


def telemetry_history(exchange: Exchange) -> Answer:
    """GET energy_sites/{id}/telemetry_history, kind charge: simulated homes have no wall connector."""
    owned_site(exchange)
    if exchange.query.get("kind") != "charge":
        raise refuse(400, "invalid_request", "kind")
    return respond({"time_series": []})


def _span(exchange: Exchange, site: EnergySite) -> Span:
    """start_date to end_date; without them the site's day so far.

    Raises:
        Refusal: 400.
    """
    now_s = exchange.state.clock.now()
    ahead_s = offset_s(site.plant.zone, int(now_s) // 3600)
    midnight_s = (now_s + ahead_s) // DAY_S * DAY_S - ahead_s
    start, end = exchange.query.get("start_date"), exchange.query.get("end_date")
    try:
        return Span(parse_iso(start) if start else midnight_s, parse_iso(end) if end else now_s)
    except ValueError as error:
        raise refuse(400, "invalid_request", str(error)) from error


def _ends_at_midnight(exchange: Exchange) -> bool:
    """Tesla has no rows for a span that ends exactly at midnight; clients ask up to 23:59:59."""
    return "T00:00:00" in exchange.query.get("end_date", "")
