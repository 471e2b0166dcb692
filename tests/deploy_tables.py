"""The tables of docs/deploy.md: what Tesla's portal asks for, and who reads which secret."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from shared.manifest import read_manifest
from shared.settings import Settings
from shared.tesla.catalogue import ENERGY_SCOPES, Contract
from shared.tesla.scopes import ALWAYS, LOCATION
from tests.markdown import code, table
from tests.terraform.expectations import CALLBACK, HOSTS
from tests.terraform.offline import MANIFEST
from tests.terraform.schema import ROOT

_APPLICATION = {
    "App name": "Car Pulser Tracker",
    "Description": "Vehicle report generation service",
    "Purpose": "Third-party app for vehicle health reports",
    "OAuth grant types": "authorization code, and machine to machine",
}
"""As the application is registered. Owners read these on the consent page."""


def portal() -> str:
    """Every field of the portal's form with what goes into it."""
    vehicle = [scope for scope in _default("tesla_vehicle_scopes") if scope not in ALWAYS]
    rows = [*_APPLICATION.items()]
    rows.append(("Allowed origins", "<br>".join(f"`https://{host}`" for host in HOSTS.values())))
    rows.append(("Redirect URIs", "<br>".join(f"`https://{host}{CALLBACK}`" for host in HOSTS.values())))
    rows.append(("Scopes, vehicles", code(vehicle)))
    rows.append(("Scopes, vehicles, if orders may ask for the position", f"`{LOCATION}`"))
    rows.append(("Scopes, energy", code(ENERGY_SCOPES[Contract.PUBLISHED])))
    return table(("field", "value"), rows)


def secrets() -> str:
    """Every secret: what it holds, which functions read it, and in which environments it is."""
    functions = read_manifest(ROOT / MANIFEST).functions
    rows = []
    for item in fields(Settings):
        if item.name.endswith("_secret"):
            readers = [name for name, function in functions.items() if item.default in function.rights.secrets]
            held = item.metadata["doc"].removeprefix("secret id of the ").partition(";")[0]
            rows.append((f"`{item.default}`", held, code(readers) or "none", ", ".join(HOSTS)))
    return table(("secret id", "holds", "read by", "in the projects of"), rows)


def _default(name: str) -> Any:
    return next(item.default for item in fields(Settings) if item.name == name)
