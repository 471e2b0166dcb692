"""The tables that the code knows better than a page: `python -m tests.docs` writes them, a test compares them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path

import msgspec

from shared.api.tables import every_route
from shared.edge.routes import Auth
from shared.manifest import read_manifest
from shared.orders.packages import EVERY_MODULE, HISTORY, PACKAGES, Package
from shared.reports.build import SECTIONS
from shared.reports.readings import read
from shared.settings import Settings
from shared.tesla.catalogue import ENDPOINTS
from tests import deploy_tables, dispatch_tables, fleet_tables
from tests.markdown import table
from tests.unit.test_reports_samples import snapshot

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
PAGES = (README, *(ROOT / "docs" / f"{name}.md" for name in ("api", "settings", "fleet-api", "deploy", "dispatch")))
MARK = re.compile(r"<!-- ([a-z-]+) -->")

_WHO = {
    Auth.PUBLIC: "anyone",
    Auth.GRANT: "owner (grant)",
    Auth.OPERATOR: "operator",
    Auth.CREATOR: "frontend",
    Auth.GRANT_OR_CREATOR: "owner (grant), or frontend",
}


def render(text: str) -> str:
    """The page with its tables as the code has them. Raises KeyError for a mark without a table."""

    def fill(match: re.Match[str]) -> str:
        return f"<!-- {match[1]} -->\n{TABLES_BY_MARK[match[1]]()}\n<!-- /{match[1]} -->"

    return re.sub(rf"{MARK.pattern}.*?<!-- /\1 -->", fill, text, flags=re.DOTALL)


def api() -> str:
    """Every route of the HTTP API."""
    rows = [(f"`{route.method} {route.template}`", _WHO[route.auth], route.summary) for route in every_route()]
    return table(("call", "who", "what"), rows)


def settings() -> str:
    """Every environment variable that is read."""
    rows = [(f"`{item.name.upper()}`", _default(item.default), item.metadata["doc"]) for item in fields(Settings)]
    return table(("variable", "default", "meaning"), rows)


def packages() -> str:
    """What each package fetches, what that costs for one vehicle at Tesla's published prices, and what it shows.

    Invoices are left out of the cost: their number is the vehicle's.
    """
    rows = [
        (f"`{module}`", *(_dot(module in _bought(p)) for p in PACKAGES.values()), ENDPOINTS[module].price.value)
        for module in EVERY_MODULE
    ]
    costs = [f"**${sum(map(_price_usd, _bought(package))):.3f}**" for package in PACKAGES.values()]
    rows.append(("**Tesla's price per vehicle**", *costs, "each invoice: data"))
    shown = [_sections_of(package) for package in PACKAGES.values()]
    rows += [(section.title, *(_dot(section.title in titles) for titles in shown), "") for section in SECTIONS]
    return table(("fetched; shown in the report", *PACKAGES, "price category"), rows)


def _dot(present: bool) -> str:
    return "●" if present else ""


def _bought(package: Package) -> tuple[str, ...]:
    """Everything that is fetched for a vehicle, invoices apart."""
    return (*package.modules, *([HISTORY] if package.history else []))


def _price_usd(module: str) -> float:
    """The default of the price's setting, which is the published one."""
    name = f"tesla_price_{ENDPOINTS[module].price.value}_usd"
    return float(getattr(Settings(public_url=""), name, 0.0))


def _sections_of(package: Package) -> set[str]:
    """Titles of the sections that have something to say when all that the package fetches was answered."""
    full, bought = snapshot(), _bought(package)
    modules = tuple(result for result in full.modules if result.module in bought)
    invoices = full.invoices if package.history else ()
    readings = read(msgspec.structs.replace(full, modules=modules, invoices=invoices))
    nothing = read(msgspec.structs.replace(full, modules=(), invoices=()))
    said = {section.title: repr(section.build(readings)) for section in SECTIONS}
    return {
        section.title
        for section in SECTIONS
        if "Not part of this order." not in said[section.title]
        and said[section.title] != repr(section.build(nothing))
    }


def functions() -> str:
    """Every function of the manifest."""
    rows = []
    for name, item in read_manifest(ROOT / "functions" / "functions.yaml").functions.items():
        reached = f"topic `{item.topic.name}`" if item.topic else ", ".join(f"`{path}`" for path in item.paths)
        doc = (ROOT / "functions" / name / "main.py").read_text().split('"""')[1].split(": ", 1)[1]
        rows.append((f"`{name}`", reached, doc.rstrip(".")))
    return table(("function", "reached by", "what it does"), rows)


TABLES_BY_MARK: dict[str, Callable[[], str]] = {
    "api": api,
    "settings": settings,
    "packages": packages,
    "functions": functions,
    "endpoints": fleet_tables.endpoints,
    "energy-contracts": fleet_tables.energy_contracts,
    "failures": fleet_tables.failures,
    "portal": deploy_tables.portal,
    "secrets": deploy_tables.secrets,
    "strategies": dispatch_tables.strategies,
    "reasons": dispatch_tables.reasons,
}


def _default(value: object) -> str:
    if value is MISSING:
        return "**required**"
    if isinstance(value, tuple):
        value = ",".join(value)
    return f"`{value}`" if value != "" else ""


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(render(page.read_text()))
