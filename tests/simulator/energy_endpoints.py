"""Endpoints under /api/1/products and /api/1/energy_sites; the contract in force decides methods and scopes."""

from __future__ import annotations

from .answers import Answer, Json, not_found, refuse, respond
from .energy_site import EnergySite
from .scopes import ANY_ENERGY_READ
from .state import Exchange

MODES = frozenset({"self_consumption", "autonomous", "backup"})
OPERATION_METHOD = {"published": "POST", "brief": "PUT"}
"""Method of the operation endpoint, by contract."""

EMPTY_COMPONENTS = {"battery": False, "solar": False, "grid": False, "load_meter": False}


def products(exchange: Exchange) -> Answer:
    """GET products: cars and sites, as far as the scopes reach, and one site without any device."""
    account, scopes = exchange.account, exchange.principal.scopes if exchange.principal else frozenset()
    rows: list[Json] = []
    if "vehicle_device_data" in scopes:
        rows += [car.base() for car in account.vehicles]
    if scopes & ANY_ENERGY_READ:
        rows += [site.product() for site in account.sites]
        if account.sites and exchange.state.config.empty_site:
            rows.append(_empty_entry(account.sites[0].site_id))
    return respond(rows, count=len(rows))


def _empty_entry(neighbour: int) -> Json:
    """The entry of a site whose devices are gone: no name, no type, nothing installed."""
    return {"energy_site_id": neighbour + 99_999, "components": EMPTY_COMPONENTS | {"market_type": "residential"}}


def owned_site(exchange: Exchange) -> EnergySite:
    """The site of the path, if it belongs to the token's owner.

    Raises:
        Refusal: 404.
    """
    account, site = exchange.state.world.sites.get(exchange.params["site_id"], (None, None))
    if site is None or account is not exchange.account:
        raise not_found()
    return site


def site_info(exchange: Exchange) -> Answer:
    """GET energy_sites/{id}/site_info."""
    return respond(owned_site(exchange).site_info())


def live_status(exchange: Exchange) -> Answer:
    """GET energy_sites/{id}/live_status: 500 of a gateway that cannot be reached."""
    site = owned_site(exchange)
    if not site.reachable:
        raise refuse(500, "upstream internal error")
    return respond(site.live_status())


def operation(exchange: Exchange) -> Answer:
    """Set the operating mode; a method of the other contract is refused with 405."""
    contract = exchange.state.config.energy_contract
    if exchange.method != OPERATION_METHOD[contract]:
        raise refuse(405, "method not allowed")
    site, mode = owned_site(exchange), exchange.json_body().get("default_real_mode")
    if mode not in MODES:
        raise refuse(400, "invalid_request", "default_real_mode")
    site.percentage_charged = site.percentage_charged  # live until now under the old mode
    site.mode = mode
    return _updated()


def backup(exchange: Exchange) -> Answer:
    """POST energy_sites/{id}/backup: 81 to 99 % snap to 80 since firmware 25.18.4."""
    site, percent = owned_site(exchange), exchange.json_body().get("backup_reserve_percent")
    if isinstance(percent, bool) or not isinstance(percent, int | float) or not 0 <= percent <= 100:
        raise refuse(400, "invalid_request", "backup_reserve_percent")
    site.percentage_charged = site.percentage_charged  # live until now under the old reserve
    site.reserve_percent = 80 if 80 < percent < 100 else percent
    return _updated()


def _updated() -> Answer:
    """HTTP 200 with a 201 inside, as all energy writes answer."""
    return respond({"code": 201, "message": "Updated"})
