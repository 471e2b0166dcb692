"""Every endpoint of the fleet hosts: method, path, and what a caller must bring."""

from __future__ import annotations

from . import charging_endpoints as charging
from . import energy_commands as commands
from . import energy_endpoints as energy
from . import partner_endpoints as partner
from . import user_endpoints as users
from . import vehicle_endpoints as vehicles
from .routes import RouteTable
from .scopes import ANY_ENERGY_READ, ANY_ENERGY_WRITE
from .state import Endpoint, Handler

DEVICE = frozenset({"vehicle_device_data"})
CHARGING = frozenset({"vehicle_charging_cmds"})
USER = frozenset({"user_data"})
WAKE = DEVICE | CHARGING | {"vehicle_cmds"}

CAR = "/api/1/vehicles/{tag}"
DX = "/api/1/dx"
SITE = "/api/1/energy_sites/{site_id}"


def _energy_read(name: str, handler: Handler) -> tuple[str, str, Endpoint]:
    """A GET below a site."""
    return "GET", f"{SITE}/{name}", Endpoint(name, handler, scopes=ANY_ENERGY_READ)


def _energy_write(name: str, handler: Handler, method: str = "POST") -> tuple[str, str, Endpoint]:
    """A command to a site."""
    return method, f"{SITE}/{name}", Endpoint(name, handler, scopes=ANY_ENERGY_WRITE)


ENDPOINTS: tuple[tuple[str, str, Endpoint], ...] = (
    ("GET", "/api/1/products", Endpoint("products", energy.products, scopes=DEVICE | ANY_ENERGY_READ)),
    ("GET", "/api/1/vehicles", Endpoint("vehicles", vehicles.list_vehicles, scopes=DEVICE)),
    ("POST", "/api/1/vehicles/fleet_status", Endpoint("fleet_status", vehicles.fleet_status, scopes=DEVICE)),
    ("GET", CAR, Endpoint("vehicle", vehicles.get_vehicle, scopes=DEVICE)),
    ("GET", f"{CAR}/vehicle_data", Endpoint("vehicle_data", vehicles.vehicle_data, scopes=DEVICE)),
    ("GET", f"{CAR}/service_data", Endpoint("service_data", vehicles.service_data, scopes=DEVICE)),
    ("GET", f"{CAR}/recent_alerts", Endpoint("recent_alerts", vehicles.recent_alerts, scopes=DEVICE)),
    ("GET", f"{CAR}/release_notes", Endpoint("release_notes", vehicles.release_notes, scopes=DEVICE)),
    ("POST", f"{CAR}/wake_up", Endpoint("wake_up", vehicles.wake_up, scopes=WAKE)),
    (
        "GET",
        f"{CAR}/specs",
        Endpoint("specs", vehicles.specs, token="partner", scopes=frozenset({"vehicle_specs"}), at_home=False),
    ),
    ("GET", f"{DX}/warranty/details", Endpoint("warranty", vehicles.warranty, scopes=DEVICE)),
    ("GET", f"{DX}/vehicles/options", Endpoint("options", vehicles.options, scopes=DEVICE)),
    ("GET", f"{DX}/charging/history", Endpoint("charging_history", charging.history, scopes=CHARGING)),
    ("GET", f"{DX}/charging/invoice/{{id}}", Endpoint("charging_invoice", charging.invoice, scopes=CHARGING)),
    ("GET", f"{DX}/charging/sessions", Endpoint("charging_sessions", charging.sessions, scopes=CHARGING)),
    ("GET", "/api/1/users/me", Endpoint("user_me", users.me, scopes=USER)),
    ("GET", "/api/1/users/region", Endpoint("user_region", users.region, at_home=False)),
    ("GET", "/api/1/users/orders", Endpoint("user_orders", users.orders, scopes=USER)),
    ("GET", "/api/1/users/feature_config", Endpoint("feature_config", users.feature_config, scopes=USER)),
    (
        "POST",
        "/api/1/partner_accounts",
        Endpoint("partner_accounts", partner.register, token="partner", registered=False, at_home=False),
    ),
    (
        "GET",
        "/api/1/partner_accounts/public_key",
        Endpoint("partner_public_key", partner.public_key, token="partner", registered=False, at_home=False),
    ),
    _energy_read("site_info", energy.site_info),
    _energy_read("live_status", energy.live_status),
    _energy_read("calendar_history", energy.calendar_history),
    _energy_read("telemetry_history", energy.telemetry_history),
    _energy_read("programs", energy.site_programs),
    _energy_write("operation", commands.operation),
    _energy_write("operation", commands.operation, method="PUT"),
    _energy_write("time_of_use_settings", commands.time_of_use_settings),
    _energy_write("tariff_rate", commands.tariff_rate),
    _energy_write("backup", commands.backup),
    _energy_write("storm_mode", commands.storm_mode),
    _energy_write("grid_import_export", commands.grid_import_export),
    _energy_write("off_grid_vehicle_charging_reserve", commands.off_grid_vehicle_charging_reserve),
)

AUTH_NAMES = frozenset({"authorize", "token", "jwks", "metadata", "revoke"})
NAMES = frozenset(endpoint.name for _, _, endpoint in ENDPOINTS) | AUTH_NAMES
"""Names that a fault's `match` takes for an endpoint rather than an expression."""


def fleet_routes() -> RouteTable[Endpoint]:
    """The route table of a fleet host."""
    table: RouteTable[Endpoint] = RouteTable()
    for method, template, endpoint in ENDPOINTS:
        table.add(method, template, endpoint)
    return table
