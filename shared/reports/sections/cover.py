"""The first page: which car, how it stands, how complete the report is, where to find what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shared.reports.analysis import alerts, battery, tyres, warranty
from shared.reports.analysis.charging import History
from shared.reports.analysis.identity import model_name, software_version, vehicle_name
from shared.reports.findings import alerts_of, battery_health, covers_of, history_of
from shared.reports.layout.blocks import Block, Heading, Note, small_print
from shared.reports.layout.figures import Bar, Bars, Light, Lights
from shared.reports.layout.ink import WATCH
from shared.reports.layout.masthead import Masthead
from shared.reports.level import Level, Verdict
from shared.reports.readings import Readings
from shared.reports.sections.common import grid, outcome
from shared.reports.sections.supercharging import window
from shared.reports.units import NONE, Units, figure, plural

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
            f"Charging history: {window(readings) if history_of(readings) else 'not available.'} The report shows "
            "what Tesla's Fleet API said of this car at one moment, with the owner's consent. Every figure names its "
            "source; what is missing is named with its reason under “Method, sources and verification”."
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
    return Masthead("VEHICLE REPORT", subject, rest[0] if rest else "", line, readings.verify_url)


def lights(readings: Readings) -> list[Light]:
    """Battery, tyres, alerts, warranty."""
    found = battery_health(readings)
    rated = battery.verdict(found)
    wheels, covers = tyres.verdict(tyres.tyres(readings.state)), warranty.verdict(covers_of(readings))
    noticed = alerts.verdict(alerts_of(readings), readings.now)
    charge_at = readings.measured_at(readings.charge.timestamp_ms)
    state_at = readings.measured_at(readings.state.timestamp_ms)
    return [
        Light(
            "Battery",
            rated if found.methods else _explained(readings, "vehicle_data", rated),
            _source(readings, "specs, charge_state, vehicle_config", charge_at or readings.fetched_at("specs")),
        ),
        Light(
            "Tyres", _explained(readings, "vehicle_data", wheels), _source(readings, "vehicle_state.tpms_*", state_at)
        ),
        _light(readings, "Alerts", "recent_alerts", noticed),
        _light(readings, "Warranty", "warranty", covers),
    ]


def _light(readings: Readings, title: str, module: str, verdict: Verdict) -> Light:
    """The light of a module of its own."""
    return Light(title, _explained(readings, module, verdict), _source(readings, module, readings.fetched_at(module)))


def _source(readings: Readings, what: str, at: datetime | None) -> str:
    """The fields behind a light and their time; nothing where there was no answer."""
    return f"{what}, {readings.units.stamp(at)}" if at else ""


def _explained(readings: Readings, module: str, verdict: Verdict) -> Verdict:
    """The verdict, or why its module is missing."""
    found = outcome(readings, module)
    if found is None:
        return Verdict(Level.UNKNOWN, "Unknown", "Not part of this order.")
    if found.complete:
        return verdict
    return Verdict(Level.UNKNOWN, "Unknown", f"{found.title} missing. {found.reason}")


def _key_figures(readings: Readings) -> list[tuple[str, str]]:
    """One figure of each of the main sections."""
    units, methods = readings.units, battery_health(readings).methods
    found, history = alerts_of(readings), history_of(readings)
    return [
        ("Range at 100 %", range_words(battery.full_range(readings.charge), units)),
        ("State of health", "\n".join(map(battery.brief, methods)) or NONE),
        ("Lowest tyre", units.bar(min(_pressures(readings), default=None))),
        ("Recent alerts", str(len(found.alerts)) if found else NONE),
        ("Warranty ends next", units.day(min(_ends(readings), default=None))),
        ("Supercharging on record", _supercharging(history) if history else NONE),
    ]


def range_words(estimate: battery.FullRange | str, units: Units) -> str:
    """An estimate with its error; a dash for none."""
    if isinstance(estimate, str):
        return NONE
    return f"{units.miles(estimate.range_mi, 1)} ± {units.miles(estimate.error_mi, 1)}"


def _supercharging(history: History) -> str:
    """Sessions and their energy."""
    return f"{plural(len(history.sessions), 'session')}, {figure(history.energy_kwh, 'kWh')}"


def _pressures(readings: Readings) -> list[float]:
    """The tyre pressures that are known, in bar."""
    return [wheel.pressure_bar for wheel in tyres.tyres(readings.state) if wheel.pressure_bar is not None]


def _ends(readings: Readings) -> list[datetime]:
    """When the active warranties end, by date or by distance."""
    covers = covers_of(readings) or ()
    return [cover.ends_by for cover in covers if cover.state == "Active" and cover.ends_by is not None]


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
        ("Report", readings.report_id),
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
        lines.append(f"{len(missing) - MOST_GAPS} more under “Method, sources and verification”.")
    return [Note("\n".join(line[:240] for line in lines), WATCH)] if lines else []
