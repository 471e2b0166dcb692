"""calendar_history: a site's past in rows of five minutes or days, lived again from its journal.

Which source fed which use follows one order: the sun and the generator serve the house first, then the battery,
then the grid; the battery serves the house before the grid. Energy in Wh.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .answers import Json
from .clock import iso
from .energy_physics import Flows
from .energy_site import EnergySite
from .energy_zone import DAY_S, offset_s

ROW_S = 300
PERIODS = frozenset({"day", "week", "month", "year", "lifetime"})

_SPLITS = (
    "solar_energy_exported",
    "generator_energy_exported",
    "grid_energy_imported",
    "grid_energy_exported_from_solar",
    "grid_energy_exported_from_generator",
    "grid_energy_exported_from_battery",
    "battery_energy_exported",
    "battery_energy_imported_from_grid",
    "battery_energy_imported_from_solar",
    "battery_energy_imported_from_generator",
    "consumer_energy_imported_from_grid",
    "consumer_energy_imported_from_solar",
    "consumer_energy_imported_from_battery",
    "consumer_energy_imported_from_generator",
)
_TOTALS = {
    "total_home_usage": tuple(name for name in _SPLITS if name.startswith("consumer_energy_imported")),
    "total_battery_charge": tuple(name for name in _SPLITS if name.startswith("battery_energy_imported")),
    "total_battery_discharge": ("battery_energy_exported",),
    "total_grid_energy_exported": tuple(name for name in _SPLITS if name.startswith("grid_energy_exported")),
    "total_solar_generation": ("solar_energy_exported",),
}
"""Sums of a row; Tesla leaves those out that are zero."""


class Span(NamedTuple):
    """From `start_s` up to and without `end_s`, Unix time."""

    start_s: float
    end_s: float


def split_w(flows: Flows) -> dict[str, int]:
    """Which source feeds which use, in whole W; sums to the flows exactly."""
    solar, battery, grid, generator, load = flows
    given, taken = max(0, battery), max(0, -battery)
    sun_home = min(solar, load)
    gen_home = min(generator, load - sun_home)
    bat_home = min(given, load - sun_home - gen_home)
    grid_home = load - sun_home - gen_home - bat_home
    sun_bat = min(solar - sun_home, taken)
    gen_bat = min(generator - gen_home, taken - sun_bat)
    values = (
        solar,
        generator,
        max(0, grid),
        solar - sun_home - sun_bat,
        generator - gen_home - gen_bat,
        given - bat_home,
        given,
        taken - sun_bat - gen_bat,
        sun_bat,
        gen_bat,
        grid_home,
        sun_home,
        bat_home,
        gen_home,
    )
    return dict(zip(_SPLITS, values, strict=True))


def energy_history(site: EnergySite, span: Span, period: str) -> Json | None:
    """The body of kind=energy; None when the site has no finished row in the span."""
    rows = list(_rows(site, span, ROW_S if period == "day" else DAY_S))
    if not rows:
        return None
    profile = site.profile
    zone = site.plant.zone
    head = {"serial_number": profile.gateway, "period": period, "installation_time_zone": zone}
    return head | {"time_series": rows}


def _rows(site: EnergySite, span: Span, row_s: int) -> Iterator[Json]:
    """Finished rows: the sums of the steps that began in each."""
    zone, sums, current = site.plant.zone, dict.fromkeys(_SPLITS, 0.0), -1.0
    last_s = min(span.end_s, _row_start(site.life().at_s, zone, ROW_S))
    for step in site.past(span.start_s):
        if step.at_s >= last_s:
            break
        start_s = _row_start(step.at_s, zone, row_s)
        if start_s != current and current >= 0:
            yield _row(zone, current, sums)
            sums = dict.fromkeys(_SPLITS, 0.0)
        current = start_s
        for name, power_w in split_w(step.flows).items():
            sums[name] += power_w * step.span_s / 3600
    if current >= 0:
        yield _row(zone, current, sums)


def _row_start(at_s: float, zone: str, row_s: int) -> float:
    """Where the row of a Unix time begins: a full row on the site's wall clock."""
    ahead_s = offset_s(zone, int(at_s) // 3600)
    return (at_s + ahead_s) // row_s * row_s - ahead_s


def _row(zone: str, start_s: float, sums: dict[str, float]) -> Json:
    stamp = iso(start_s, offset_s(zone, int(start_s) // 3600) / 3600)
    totals = {name: sum(sums[part] for part in parts) for name, parts in _TOTALS.items()}
    services = {"grid_services_energy_imported": 0, "grid_services_energy_exported": 0}
    shown = {name: value for name, value in totals.items() if value}
    return {"timestamp": stamp, **sums, **services, "raw_timestamp": stamp, **shown}


def backup_history(site: EnergySite, span: Span) -> Json:
    """The body of kind=backup: when the house was off grid and for how long (ms), newest first."""
    events: list[Json] = []
    began_s: float | None = None
    for life in (*site.journal(), None):
        at_s = life.at_s if life else site.present().at_s
        away = life is not None and not life.settings.on_grid
        if away and began_s is None:
            began_s = at_s
        elif not away and began_s is not None:
            if span.start_s <= began_s < span.end_s:
                ahead_h = offset_s(site.plant.zone, int(began_s) // 3600) / 3600
                events.append({"timestamp": iso(began_s, ahead_h), "duration": round((at_s - began_s) * 1000)})
            began_s = None
    events.reverse()
    return {"events": events, "total_events": len(events)}
