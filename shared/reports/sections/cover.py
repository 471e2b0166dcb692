"""The first page: which car, how it stands, how complete the report is, where to find what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shared.reports.analysis import alerts, battery, tyres, warranty
from shared.reports.analysis.alerts import AlertsFound
from shared.reports.analysis.charging import History, history_of
from shared.reports.analysis.identity import model_name, software_version, vehicle_name
from shared.reports.analysis.warranty import Cover
from shared.reports.layout.blocks import Block, Heading, Note, small_print
from shared.reports.layout.figures import Bar, Bars, Light, Lights
from shared.reports.layout.ink import WATCH
from shared.reports.layout.masthead import Masthead
from shared.reports.level import Level, Verdict
from shared.reports.readings import Readings
from shared.reports.sections.common import grid, outcome
from shared.reports.units import NONE, Units, figure, percent
from shared.tesla.models.care import RecentAlerts, WarrantyDetails
from shared.tesla.models.charging import ChargingHistory
from shared.tesla.models.product import VehicleSpecs

REGIONS = {"eu": "Europe", "na": "North America, Asia-Pacific", "cn": "China"}
MOST_GAPS = 8
UNNAMED = "Tesla vehicle"


def blocks(readings: Readings) -> Sequence[Block]:
    """Masthead, identity, four lights, completeness with every gap."""
    return [
        _masthead(readings),
        grid(_identity(readings, readings.units)),
        Lights(lights(readings)),
        Heading("Key figures", 1),
        grid(_key_figures(readings)),
        Heading("Data completeness", 1),
        Bars([_completeness(readings)]),
        *_gaps(readings),
        small_print(
            "The report shows what Tesla's Fleet API said of this car at one moment, with the owner's consent. "
            "Every figure names its source; what is missing is named with its reason under “Sources and gaps”."
        ),
        Heading("Contents", 1),
    ]


def title(readings: Readings) -> str:
    """The car's name and model, or what is known of them."""
    return " · ".join(part for part in (vehicle_name(readings), model_name(readings)) if part) or UNNAMED


def _masthead(readings: Readings) -> Masthead:
    """Name and model; the model takes the first place of a car without a name."""
    names = [part for part in (vehicle_name(readings), model_name(readings)) if part]
    subject, *rest = names or [UNNAMED]
    line = f"VIN {readings.snapshot.vin}  ·  as of {readings.units.stamp(readings.now)}"
    return Masthead("VEHICLE REPORT", subject, rest[0] if rest else "", line)


def report_id(readings: Readings) -> str:
    """Order and vehicle, by which the report can be found again."""
    return f"{readings.snapshot.order_id}.{readings.snapshot.vehicle_id}"


def lights(readings: Readings) -> list[Light]:
    """Battery, tyres, alerts, warranty."""
    now, health = readings.now, battery.health(readings.get("specs", VehicleSpecs), readings.now)
    battery_verdict = battery.verdict(health, battery.full_range(readings.charge))
    return [
        Light("Battery", battery_verdict if health else _explained(readings, "vehicle_data", battery_verdict)),
        Light("Tyres", _explained(readings, "vehicle_data", tyres.verdict(tyres.tyres(readings.state)))),
        Light("Alerts", _explained(readings, "recent_alerts", alerts.verdict(_alerts(readings), now))),
        Light("Warranty", _explained(readings, "warranty", warranty.verdict(_covers(readings)))),
    ]


def _explained(readings: Readings, module: str, verdict: Verdict) -> Verdict:
    """The verdict, or why its module is missing."""
    found = outcome(readings, module)
    if found is None or found.complete:
        return verdict
    return Verdict(Level.UNKNOWN, "Unknown", f"{found.title} missing. {found.reason}")


def _alerts(readings: Readings) -> AlertsFound | None:
    """The alerts, if they were read."""
    answer = readings.get("recent_alerts", RecentAlerts)
    return alerts.alerts_found(answer) if answer else None


def _covers(readings: Readings) -> Sequence[Cover] | None:
    """The warranties, if they were read."""
    answer = readings.get("warranty", WarrantyDetails)
    return warranty.covers(answer, readings.state.odometer_mi, readings.now) if answer else None


def _key_figures(readings: Readings) -> list[tuple[str, str]]:
    """One figure of each of the main sections."""
    units, charge = readings.units, readings.charge
    health = battery.health(readings.get("specs", VehicleSpecs), readings.now)
    found, history = _alerts(readings), _history(readings)
    return [
        ("Range at 100 %", range_words(battery.full_range(charge), units)),
        ("State of health, by Tesla", percent(health.soh_percent, 1) if health else NONE),
        ("State of charge", percent(charge.battery_level_percent)),
        ("Lowest tyre", units.bar(min(_pressures(readings), default=None))),
        ("Recent alerts", str(len(found.alerts)) if found else NONE),
        ("Warranty ends next", units.day(min(_ends(readings), default=None))),
        ("Supercharging sessions", str(len(history.sessions)) if history else NONE),
        ("Energy of these sessions", figure(history.energy_kwh, "kWh") if history else NONE),
    ]


def range_words(estimate: battery.FullRange | str, units: Units) -> str:
    """An estimate with its error; a dash for none."""
    if isinstance(estimate, str):
        return NONE
    return f"{units.miles(estimate.range_mi, 1)} ± {units.miles(estimate.error_mi, 1)}"


def _history(readings: Readings) -> History | None:
    """This car's recorded charging, if it was read."""
    answer = readings.get("charging_history", ChargingHistory)
    return history_of(answer, readings.snapshot.vin) if answer else None


def _pressures(readings: Readings) -> list[float]:
    """The tyre pressures that are known, in bar."""
    return [wheel.pressure_bar for wheel in tyres.tyres(readings.state) if wheel.pressure_bar is not None]


def _ends(readings: Readings) -> list[datetime]:
    """When the active warranties end."""
    covers = _covers(readings) or ()
    return [cover.ends_at for cover in covers if cover.state == "Active" and cover.ends_at is not None]


def _identity(readings: Readings, units: Units) -> list[tuple[str, str]]:
    """The facts that name the car and the report."""
    snapshot, region = readings.snapshot, readings.snapshot.region
    return [
        ("Name", vehicle_name(readings) or NONE),
        ("Model", model_name(readings) or NONE),
        ("VIN", snapshot.vin),
        ("Odometer", units.miles(readings.state.odometer_mi)),
        ("Software", software_version(readings) or NONE),
        ("As of", units.stamp(readings.now)),
        ("Report", report_id(readings)),
        ("Package", snapshot.package),
        ("Region", REGIONS.get(region.lower(), region)),
        ("Units", f"{units.distance}, {units.temperature}, {units.pressure}"),
    ]


def _completeness(readings: Readings) -> Bar:
    """How many of the order's modules were read."""
    total, complete = len(readings.outcomes), sum(found.complete for found in readings.outcomes)
    return Bar("Modules read", complete / total if total else 0.0, f"{complete} of {total} modules")


def _gaps(readings: Readings) -> list[Block]:
    """A panel that names every module that is missing, with its reason."""
    missing = [found for found in readings.outcomes if not found.complete]
    lines = [f"{found.title}: {found.state.lower()}. {found.reason}" for found in missing[:MOST_GAPS]]
    if len(missing) > MOST_GAPS:
        lines.append(f"{len(missing) - MOST_GAPS} more under “Sources and gaps”.")
    return [Note("\n".join(line[:240] for line in lines), WATCH)] if lines else []
