"""Tyres."""

from __future__ import annotations

from collections.abc import Sequence

from shared.reports.analysis.tyres import GAP_BAR, QUANTUM_BAR, AxleGap, Tyre, axle_gaps, stale, tyres
from shared.reports.layout.blocks import Block, Note, Paragraph, small_print
from shared.reports.layout.figures import Wheel, Wheels
from shared.reports.layout.ink import WATCH
from shared.reports.layout.table import Column, Table
from shared.reports.readings import Readings
from shared.reports.sections.common import Section, group_gap, source
from shared.reports.units import NONE, Units, figure


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
        Column("Wheel", 1.1, strong=True),
        Column("Pressure", 1, "right"),
        Column("Recommended", 1.5, "right"),
        Column("Verdict", 2.6),
        Column("Car's warning", 1.2),
        Column("Last reading", 1.7),
        Column("Age", 0.9, "right"),
    ]
    return [
        Wheels((front_left, front_right, rear_left, rear_right)),
        Table(columns, [_row(wheel, readings) for wheel in wheels]),
        *_gaps(axle_gaps(wheels), units),
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


def _row(tyre: Tyre, readings: Readings) -> tuple[str, ...]:
    """One wheel of the table."""
    units = readings.units
    warning = "Hard" if tyre.hard_warning else "Soft" if tyre.soft_warning else "None"
    return (
        tyre.name,
        units.bar(tyre.pressure_bar),
        units.bar(tyre.recommended_bar),
        f"{tyre.level.value} {tyre.remark}",
        warning,
        units.moment(tyre.seen_at),
        _age(tyre, readings),
    )


def _age(tyre: Tyre, readings: Readings) -> str:
    """How old the reading is."""
    if tyre.seen_at is None:
        return NONE
    hours = max(0.0, (readings.now - tyre.seen_at).total_seconds() / 3600)
    return figure(hours, "h", 1) if hours < 48 else figure(hours / 24, "days")  # noqa: PLR2004 - two days


def _gaps(gaps: Sequence[AxleGap], units: Units) -> list[Block]:
    """Left against right on each axle."""
    if not gaps:
        return []
    said = "; ".join(f"{gap.axle.lower()} axle {_gap_words(gap, units)}" for gap in gaps)
    wide = [gap.axle.lower() for gap in gaps if gap.wide]
    text = f"Left against right: {said}."
    if not wide:
        return [Paragraph(text)]
    limit = units.bar(GAP_BAR)
    return [
        Note(
            f"{text} More than {limit} apart on the {' and '.join(wide)} axle: look for a slow leak on the "
            "softer side.",
            WATCH,
        )
    ]


def _gap_words(gap: AxleGap, units: Units) -> str:
    """One axle's gap."""
    size = units.bar(abs(gap.left_minus_right_bar))
    if abs(gap.left_minus_right_bar) < QUANTUM_BAR / 2:
        return "level"
    return f"{'left' if gap.left_minus_right_bar < 0 else 'right'} softer by {size}"


SECTION = Section("Tyres", blocks)
