"""Endpoints under /api/1/users."""

from __future__ import annotations

from .answers import Answer, Json, respond
from .state import Exchange
from .world import Account


def me(exchange: Exchange) -> Answer:
    """GET users/me."""
    return respond(exchange.account.me())


def region(exchange: Exchange) -> Answer:
    """GET users/region: answers on every host where the application is registered."""
    where = exchange.account.region
    return respond({"region": where, "fleet_api_base_url": exchange.state.urls.fleet(where)})


def orders(exchange: Exchange) -> Answer:
    """GET users/orders: the order of each car."""
    rows = _orders(exchange.account)
    return respond(rows, count=len(rows))


def feature_config(_: Exchange) -> Answer:
    """GET users/feature_config."""
    return respond({"signaling": {"enabled": True, "subscribe_connectivity": False, "use_auth_token": False}})


def _orders(account: Account) -> list[Json]:
    country, locale = {"eu": ("FI", "fi_FI"), "na": ("US", "en_US"), "cn": ("CN", "zh_CN")}[account.region]
    return [
        {
            "vehicleMapId": car.vehicle_id % 10**7,
            "referenceNumber": f"RN{car.vehicle_id % 10**8:08d}",
            "vin": car.vin,
            "orderStatus": "BOOKED",
            "orderSubstatus": "_Z",
            "modelCode": car.profile.model.code,
            "countryCode": country,
            "locale": locale,
            "mktOptions": ",".join(row["code"].lstrip("$") for row in car.options()),
            "isB2b": False,
        }
        for car in account.vehicles
    ]
