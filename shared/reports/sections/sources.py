"""Sources and gaps: every module with what became of it, and what the figures can and cannot say."""

from __future__ import annotations

from collections.abc import Sequence

from shared.reports.analysis.modules import Outcome
from shared.reports.layout.blocks import Block, Heading, Paragraph, small_print
from shared.reports.layout.table import Column, Table
from shared.reports.readings import Readings
from shared.reports.sections.annex import missing_groups
from shared.reports.sections.common import Section, missing_group_reason
from shared.reports.units import NONE, Units

SIGNS = {True: "✓", False: "✕"}


def blocks(readings: Readings) -> Sequence[Block]:
    """The table of modules, missing groups, consent, and method."""
    units = readings.units
    columns = [
        Column("Module", 2, strong=True),
        Column("State", 1.2),
        Column("Fetched (car's clock)", 1.8),
        Column("What is missing and why", 4.4),
    ]
    groups = [f"{group}: {missing_group_reason(readings, group)}" for group in missing_groups(readings)]
    scopes = ", ".join(sorted(readings.snapshot.granted_scopes)) or "not recorded"
    return [
        Table(columns, [_row(outcome, units) for outcome in readings.outcomes]),
        *([Paragraph(f"Groups missing in the live vehicle data: {'; '.join(groups)}.")] if groups else []),
        Heading("Consent and method", 1),
        small_print(f"Granted by the owner at Tesla: {scopes}. {_units(units)}"),
        small_print(
            "All figures were fetched from Tesla's Fleet API with the owner's consent; nothing was measured at "
            "the car. The report describes one moment. It is no expert opinion on the car's condition and "
            "replaces no inspection. Times are on the car's clock where Tesla names its offset, charging "
            "sessions on the clock of their site."
        ),
    ]


def _row(outcome: Outcome, units: Units) -> tuple[str, ...]:
    """One module."""
    state = f"{SIGNS[outcome.complete]} {outcome.state}"
    return outcome.title, state, units.moment(outcome.result.fetched_at), outcome.reason or NONE


def _units(units: Units) -> str:
    """Which units, and who chose them."""
    chosen = "as set in the car" if units.from_car else "by the region, as the car's settings are not known"
    return f"Units: {units.distance}, {units.temperature}, {units.pressure}, {chosen}."


SECTION = Section("Sources and gaps", blocks)
