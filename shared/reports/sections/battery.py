"""Battery health: two methods side by side, beside what is usual at the car's age."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shared.reports.analysis import battery
from shared.reports.analysis.battery import Health, Method, usual
from shared.reports.findings import battery_health
from shared.reports.layout.blocks import Block, Note, Paragraph, small_print
from shared.reports.layout.ink import BAD, BRAND, INK, PALE, WATCH
from shared.reports.layout.plot import Area, Line, Plot, Spot
from shared.reports.layout.table import Column, Table
from shared.reports.readings import Readings
from shared.reports.sections.common import Section, gap, source
from shared.reports.units import NONE, Units, plural

CLAIM_PERCENT = 70.0
"""Retention that Tesla's battery warranty promises."""

_YEARS_SHOWN = 10.0
_STEPS = 20
_DOT_SHIFT_MM = 4.4
_MARKS = "123"


def blocks(readings: Readings) -> Sequence[Block]:
    """Verdict, methods, the curve, method in small print."""
    found = battery_health(readings)
    at = readings.measured_at(readings.charge.timestamp_ms)
    verdict = battery.verdict(found)
    return [
        *gap(readings, "vehicle_data"),
        *([Note(f"{verdict.level.value} {verdict.word}. {verdict.reason}", BRAND)] if found.methods else []),
        _table(found, readings),
        *_differ(found),
        *_curve(found, readings.now),
        *_cross_check(found, readings.units),
        *_small_print(readings, found),
        *([source(readings, "vehicle_data.charge_state", at)] if at else []),
        *([source(readings, "specs", readings.fetched_at("specs"))] if readings.fetched_at("specs") else []),
    ]


def _table(found: Health, readings: Readings) -> Table:
    """One row per method, with its figure or the reason why there is none."""
    columns = [
        Column("Method", 1.5, strong=True),
        Column("State of health", 1.3, "right"),
        Column("Measured", 1.9),
        Column("Rests on, or why there is none", 4.3),
    ]
    rows = [_row(number, method, readings) for number, method in enumerate(found.methods)]
    rows.extend((name, NONE, NONE, f"No figure: {reason}.") for name, reason in found.refused)
    return Table(columns, rows)


def _row(number: int, method: Method, readings: Readings) -> tuple[str, ...]:
    """One method."""
    return f"{_MARKS[number]} {method.name}", figure_of(method), _when(method.measured_at, readings), method.source


def figure_of(method: Method) -> str:
    """A state of health with its error."""
    decimals = 0 if method.name == battery.QUOTED else 1
    return f"{method.soh_percent:.{decimals}f} % ± {method.error_percent:.1f}"


def _when(at: datetime | None, readings: Readings) -> str:
    """The day of a measurement and how long ago that was."""
    if at is None:
        return "time not stated"
    days = (readings.now - at).days
    ago = f", {plural(days, 'day')} before" if days > 0 else ""
    return f"{readings.units.day(readings.units.local(at))}{ago}"


def _differ(found: Health) -> list[Block]:
    """A word where the methods contradict each other beyond their errors."""
    if len(found.methods) < 2:  # noqa: PLR2004 - nothing to contradict
        return []
    one, other = found.methods[:2]
    apart = abs(one.soh_percent - other.soh_percent)
    if apart <= one.error_percent + other.error_percent + battery.TOLERANCE_PERCENT:
        return [Paragraph(f"The two methods agree within {apart:.1f} points.")]
    return [
        Note(
            f"The two methods lie {apart:.1f} points apart, more than their errors explain. The range of a car that "
            "is mostly kept between 50 and 80 % drifts without any loss of capacity; Tesla's figure may be older, or "
            "of before a repair. A full charge, and then a new report, tells more than either figure.",
            WATCH,
        )
    ]


def _curve(found: Health, now: datetime) -> list[Block]:
    """State of health over age: the usual band, the warranty's promise, and the car."""
    if not found.methods:
        return []
    if found.age is None:
        return [Paragraph("No curve: the car's age is not known.")]
    longest = max(_YEARS_SHOWN, found.age.years + 1)
    ages = [longest * step / _STEPS for step in range(_STEPS + 1)]
    bands = [usual(age) for age in ages]
    upper = [(age, band.high) for age, band in zip(ages, bands, strict=True)]
    lower = [(age, band.low) for age, band in zip(ages, bands, strict=True)]
    lowest = min([65.0, bands[-1].low, *(method.soh_percent - method.error_percent for method in found.methods)])
    highest = max([100.0, *(method.soh_percent + method.error_percent for method in found.methods)])
    plot = Plot(
        x_span=(0.0, longest),
        y_span=(max(0.0, lowest - 3), highest + 3),
        x_title="age in years",
        y_title="%",
        areas=[Area([*upper, *reversed(lower)], PALE, "usual: 1.5 to 3.0 % loss a year")],
        lines=[
            Line([(age, band.middle) for age, band in zip(ages, bands, strict=True)], BRAND, "average: 2.3 % a year"),
            Line([(0.0, CLAIM_PERCENT), (longest, CLAIM_PERCENT)], BAD, "promised by the warranty: 70 %", 1.2),
        ],
        spots=_spots(found, found.age.years, now),
    )
    return [plot]


def _spots(found: Health, age_years: float, now: datetime) -> list[Spot]:
    """A numbered dot per method at the car's age when it was measured, set side by side."""
    spots = []
    for number, method in enumerate(found.methods):
        at = method.measured_at
        earlier = 0.0 if at is None else max(0.0, (now - at).days / 365.25)
        shift = (number - (len(found.methods) - 1) / 2) * _DOT_SHIFT_MM
        spots.append(
            Spot(max(0.0, age_years - earlier), method.soh_percent, INK, _MARKS[number], method.error_percent, shift)
        )
    return spots


def _cross_check(found: Health, units: Units) -> list[Block]:
    """The energy method, as far as the last charge allows it."""
    if found.cross_check is None:
        return []
    return [
        Paragraph(
            f"Cross-check by energy: {figure_of(found.cross_check)}, {units.day(found.cross_check.measured_at)}, "
            f"from {found.cross_check.source}. It rests on the range at 100 % too and on the capacity that Tesla "
            "states without a date, so it counts as no third method."
        )
    ]


def _small_print(readings: Readings, found: Health) -> list[Block]:
    """How the figures come about and what they cannot say."""
    full = battery.full_range(readings.charge)
    parts = []
    if isinstance(full, battery.FullRange):
        units = readings.units
        parts.append(
            f"Range at 100 % = {full.source} * 100 = {readings.charge.battery_range_mi:g} mi / {full.level_percent} "
            f"% * 100 = {units.miles(full.range_mi, 1)} ± {units.miles(full.error_mi, 1)}: the car reports its "
            "charge in whole percent, and half a percent of rounding is that much."
        )
    if found.age is not None:
        error = f" ± {found.age.error_years:g}" if found.age.error_years else ""
        parts.append(f"Age {found.age.years:.1f}{error} years, by {found.age.source}.")
    parts.append(
        "Usual loss: 22,700 electric cars of 21 models (Geotab). Tesla's figure is quoted as sent; Tesla states no "
        "error, ± 0.5 is its rounding alone. Measured capacities of cars of one model and age lie up to 25 % apart, "
        "so neither figure is an expert's measurement of the pack."
    )
    return [small_print(" ".join(parts))]


SECTION = Section("Battery health", blocks)
