"""Tyres."""

from __future__ import annotations

from collections.abc import Sequence

from shared.reports.analysis.tyres import QUANTUM_BAR, Tyre, stale, tyres
from shared.reports.layout.blocks import Block, Note, small_print
from shared.reports.layout.figures import Wheel, Wheels
from shared.reports.layout.ink import WATCH
from shared.reports.layout.table import Column, Table
from shared.reports.readings import Readings
from shared.reports.sections.common import Section, group_gap, source
from shared.reports.units import Units


def blocks(readings: Readings) -> Sequence[Block]:
    """The car from above, then the four wheels with recommendation, warnings and age of the reading."""
    found = group_gap(readings, "vehicle_state", present=readings.data.vehicle_state is not None)
    if found:
        return found
    units, wheels = readings.units, tyres(readings.state)
    old = [wheel.name.lower() for wheel in stale(wheels, readings.now)]
    note = Note(f"Readings older than a week: {', '.join(old)}. A sensor reports only while the wheel turns.", WATCH)
    front_left, front_right, rear_left, rear_right = (_wheel(wheel, units) for wheel in wheels)
    columns = [
        Column("Wheel", 1.2, strong=True),
        Column("Pressure", 1, "right"),
        Column("Recommended", 1.3, "right"),
        Column("Verdict", 3),
        Column("Last reading", 1.6),
    ]
    return [
        Wheels((front_left, front_right, rear_left, rear_right)),
        Table(columns, [_row(wheel, units) for wheel in wheels]),
        *([note] if old else []),
        small_print(
            "Check from 10 % below the recommendation on, act from 20 % on or at the car's urgent warning. Tesla "
            f"sends steps of {QUANTUM_BAR:g} bar. Compare cold tyres only: a warm tyre reads higher."
        ),
        source(readings, "vehicle_data.vehicle_state.tpms_*", readings.measured_at(readings.state.timestamp_ms)),
    ]


def _wheel(tyre: Tyre, units: Units) -> Wheel:
    """One wheel of the figure."""
    return Wheel(tyre.name, units.bar(tyre.pressure_bar), tyre.remark, tyre.level)


def _row(tyre: Tyre, units: Units) -> tuple[str, ...]:
    """One wheel of the table."""
    remark = f"{tyre.level.value} {tyre.remark}"
    seen = units.moment(tyre.seen_at)
    return tyre.name, units.bar(tyre.pressure_bar), units.bar(tyre.recommended_bar), remark, seen


SECTION = Section("Tyres", blocks)
