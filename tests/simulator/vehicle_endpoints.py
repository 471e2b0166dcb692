"""Endpoints under /api/1/vehicles, and the per-car modules under /api/1/dx."""

from __future__ import annotations

from .answers import Answer, Json, json_answer, not_found, refuse, respond
from .fault_answers import asleep
from .payload_drive import LOCATION_KEYS
from .state import Exchange
from .vehicle import Vehicle

DEFAULT_BUNDLE = frozenset(
    {"charge_state", "climate_state", "drive_state", "gui_settings", "vehicle_config", "vehicle_state"}
)
CLOSURE_KEYS = frozenset({"locked", "df", "dr", "pf", "pr", "ft", "rt"}) | {
    f"{corner}_window" for corner in ("fd", "fp", "rd", "rp")
}
MAX_PER_PAGE = 100


def owned(exchange: Exchange) -> Vehicle:
    """The car that path or query names, if it belongs to the token's owner.

    Raises:
        Refusal: 404.
    """
    car = exchange.vehicle()
    if car is None or car not in exchange.account.vehicles:
        raise not_found()
    return car


def whole_number(exchange: Exchange, name: str, default: int, *, least: int = 1) -> int:
    """A whole number from the query, at least `least`.

    Raises:
        Refusal: 400.
    """
    text = exchange.query.get(name) or str(default)
    if not text.isdecimal() or int(text) < least:
        raise refuse(400, "invalid_field", f"{name} must be an integer from {least}")
    return int(text)


def list_vehicles(exchange: Exchange) -> Answer:
    """GET vehicles: one page of the account's cars."""
    cars = exchange.account.vehicles
    page, size = whole_number(exchange, "page", 1), whole_number(exchange, "per_page", MAX_PER_PAGE)
    pages = max(1, -(-len(cars) // size))
    shown = cars[(page - 1) * size : page * size]
    pagination = {
        "previous": page - 1 if page > 1 else None,
        "next": page + 1 if page < pages else None,
        "current": page,
        "per_page": size,
        "count": len(cars),
        "pages": pages,
    }
    return respond([car.base() for car in shown], pagination=pagination, count=len(shown))


def get_vehicle(exchange: Exchange) -> Answer:
    """GET vehicles/{tag}: the base object, whatever the car's state."""
    return respond(owned(exchange).base())


def vehicle_data(exchange: Exchange) -> Answer:
    """GET vehicles/{tag}/vehicle_data: needs a car that is awake and not in service."""
    car = owned(exchange)
    if car.in_service:
        raise refuse(405, "vehicle is currently in service")
    if car.state != "online":
        return asleep()
    wanted = frozenset(filter(None, exchange.query.get("endpoints", "").split(";"))) or DEFAULT_BUNDLE
    stamp_ms = int(exchange.state.clock.now() * 1000)
    parts = {name: part | {"timestamp": stamp_ms} for name, part in car.data().items() if name in wanted}
    parts |= _closures(car, wanted) | _drive(exchange, car, wanted, stamp_ms)
    if not exchange.principal or "vehicle_location" not in exchange.principal.scopes:
        parts.pop("drive_state", None)
    beside = {"supercharger_payment_needed": "false", "supercharging_enabled": True}
    return respond(car.base() | parts | beside)


def _closures(car: Vehicle, wanted: frozenset[str]) -> Json:
    """`closures_state` alone brings the doors and windows of vehicle_state."""
    if "closures_state" not in wanted or "vehicle_state" in wanted:
        return {}
    state = car.data()["vehicle_state"]
    return {"vehicle_state": {key: value for key, value in state.items() if key in CLOSURE_KEYS}}


def _drive(exchange: Exchange, car: Vehicle, wanted: frozenset[str], stamp_ms: int) -> Json:
    """drive_state: movement when asked for, place when location_data is asked for and not withheld."""
    hidden = car.hide_private or "location_data" not in wanted
    if not {"drive_state", "location_data"} & wanted:
        return {}
    state = car.data()["drive_state"] | {"timestamp": stamp_ms}
    kept = {
        key: value
        for key, value in state.items()
        if (not hidden if key in LOCATION_KEYS else "drive_state" in wanted or key == "timestamp")
    }
    return {"drive_state": kept}


def service_data(exchange: Exchange) -> Answer:
    """GET vehicles/{tag}/service_data: usually an empty object."""
    car = owned(exchange)
    if "service_data" in car.overrides:
        return respond(car.overrides["service_data"])
    if not car.in_service:
        return respond({})
    return respond(
        {
            "service_status": "in_service",
            "service_etc": "2026-12-02T17:10:53-10:00",
            "service_visit_number": f"SV{car.vehicle_id % 10**8:08d}",
            "status_id": 8,
        }
    )


def wake_up(exchange: Exchange) -> Answer:
    """POST vehicles/{tag}/wake_up: the car as it is now; it comes online later."""
    car = owned(exchange)
    if car.in_service:
        raise refuse(405, "vehicle is currently in service")
    car.wake_in(exchange.state.config.wake_s)
    return respond(car.base())


def recent_alerts(exchange: Exchange) -> Answer:
    """GET vehicles/{tag}/recent_alerts."""
    return respond({"recent_alerts": owned(exchange).alerts(exchange.state.config.alerts)})


def release_notes(exchange: Exchange) -> Answer:
    """GET vehicles/{tag}/release_notes: wrapped once or twice."""
    staged = exchange.query.get("staged", "").lower() == "true"
    language = exchange.query.get("language") or "en"
    notes = owned(exchange).release_notes(staged=staged, language=language)
    return respond({"response": notes} if exchange.state.config.notes_shape == "nested" else notes)


def fleet_status(exchange: Exchange) -> Answer:
    """POST vehicles/fleet_status: key pairing and firmware of up to 100 cars."""
    vins = exchange.json_body().get("vins")
    if not isinstance(vins, list) or not vins:
        raise refuse(400, "invalid_request", "vins is required")
    mine = {car.vin: car for car in exchange.account.vehicles if car.vin in vins}
    info = {vin: car.fleet_info() for vin, car in mine.items()}
    if len(vins) > 1:
        info = {vin: {k: v for k, v in row.items() if k != "discounted_device_data"} for vin, row in info.items()}
    return respond(
        {
            "key_paired_vins": [vin for vin, car in mine.items() if car.paired],
            "unpaired_vins": [vin for vin, car in mine.items() if not car.paired],
            "vehicle_info": info,
        }
    )


def specs(exchange: Exchange) -> Answer:
    """GET vehicles/{vin}/specs: any car, with a partner token."""
    car = exchange.vehicle()
    if car is None:
        raise not_found()
    return respond(car.specs())


def warranty(exchange: Exchange) -> Answer:
    """GET dx/warranty/details: 500 without a VIN, as it was seen live."""
    if not exchange.query.get("vin"):
        raise refuse(500, "internal server error")
    return dx_answer(exchange, owned(exchange).warranty())


def options(exchange: Exchange) -> Answer:
    """GET dx/vehicles/options."""
    if not exchange.query.get("vin"):
        raise refuse(400, "invalid_request", "vin is required")
    return dx_answer(exchange, {"codes": owned(exchange).options()})


def dx_answer(exchange: Exchange, body: Json) -> Answer:
    """A /dx body with or without its wrapper: both have been seen."""
    return json_answer(body) if exchange.state.config.dx_shape == "bare" else respond(body)
