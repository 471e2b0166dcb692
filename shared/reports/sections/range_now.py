"""Range today."""

from __future__ import annotations

from collections.abc import Sequence

from shared.reports.analysis import battery
from shared.reports.findings import new_range_of
from shared.reports.layout.blocks import Block, Note, small_print
from shared.reports.layout.figures import Bar, Bars
from shared.reports.layout.ink import WATCH
from shared.reports.readings import Readings
from shared.reports.sections.common import Section, grid, group_gap, source
from shared.reports.units import Units, percent

_COLD_C = 10.0
"""Below this outside temperature cabin and battery heating take a visible part of the range."""


def blocks(readings: Readings) -> Sequence[Block]:
    """State of charge, range now, at the limit and at 100 %, with what the temperature does to it."""
    charge, units = readings.charge, readings.units
    found = group_gap(readings, "charge_state", present=readings.data.charge_state is not None)
    if found:
        return found
    estimate = battery.full_range(charge)
    return [
        *_level(readings),
        *_bars(readings, estimate),
        grid(
            [
                ("Rated range now", units.miles(charge.battery_range_mi, 1)),
                ("Estimated from consumption", units.miles(charge.est_battery_range_mi, 1)),
                ("Ideal range now", units.miles(charge.ideal_battery_range_mi, 1)),
                ("Usable state of charge", percent(charge.usable_battery_level_percent)),
            ]
        ),
        *([Note(f"No range at 100 %: {estimate}")] if isinstance(estimate, str) else []),
        *_temperature(readings, estimate),
        small_print(
            "Rated range follows a fixed consumption, not the owner's driving; the estimate follows the last."
        ),
        source(readings, "vehicle_data.charge_state, climate_state", readings.measured_at(charge.timestamp_ms)),
    ]


def _level(readings: Readings) -> list[Block]:
    """State of charge with the charge limit as a mark."""
    charge = readings.charge
    level, limit = charge.battery_level_percent, charge.charge_limit_soc_percent
    if level is None:
        return []
    value = f"{percent(level)}, limit {percent(limit)}"
    return [Bars([Bar("State of charge", level / 100, value, None if limit is None else limit / 100)])]


def _bars(readings: Readings, estimate: battery.FullRange | str) -> list[Block]:
    """Range now, at the limit, at 100 % and when new, on one scale."""
    if isinstance(estimate, str):
        return []
    charge, units, new = readings.charge, readings.units, new_range_of(readings)
    values = [("Rated range now", charge.battery_range_mi, "")]
    limit = charge.charge_limit_soc_percent
    if limit is not None:
        values.append((f"At the charge limit, {limit} %", estimate.range_mi * limit / 100, ""))
    values.append(("At 100 %", estimate.range_mi, f" ± {units.miles(estimate.error_mi, 1)}"))
    if not isinstance(new, str):
        values.append(("When new, EPA rating", new.middle_mi, _spread(new.high_mi - new.middle_mi, units)))
    longest = max(value or 0.0 for _, value, _ in values)
    return [
        Bars(
            [Bar(label, (value or 0.0) / longest, f"{units.miles(value, 1)}{tail}") for label, value, tail in values]
        )
    ]


def _spread(half_mi: float, units: Units) -> str:
    """The spread of the rating, if it has one."""
    return f" ± {units.miles(half_mi, 1)}" if half_mi > 0 else ""


def _temperature(readings: Readings, estimate: battery.FullRange | str) -> list[Block]:
    """What the cold does to these figures."""
    outside = readings.data.climate_state.outside_temp_c if readings.data.climate_state else None
    if isinstance(estimate, battery.FullRange) and estimate.cold:
        level, usable = readings.charge.battery_level_percent, readings.charge.usable_battery_level_percent
        text = (
            f"The pack is cold: of {percent(level)} only {percent(usable)} can be used until it is warm. The range "
            "belongs to the usable level, which was taken."
        )
        return [Note(text, WATCH)]
    if outside is not None and outside < _COLD_C:
        text = (
            f"It was {readings.units.celsius(outside)} outside. Heating comes on top of the rated consumption: "
            "expect clearly less than the rated range on short trips, and do not read that as a loss of capacity."
        )
        return [Note(text)]
    return []


SECTION = Section("Range today", blocks)
