"""The last section: every module with what became of it, what the figures can and cannot say, and how to verify."""

from __future__ import annotations

from collections.abc import Sequence

from shared.reports.analysis.modules import Outcome
from shared.reports.findings import history_of
from shared.reports.layout.blocks import Block, Heading, Paragraph, Together, small_print
from shared.reports.layout.qr import Seal
from shared.reports.layout.table import Column, Table
from shared.reports.readings import Readings
from shared.reports.sections.annex import missing_groups
from shared.reports.sections.common import Section, missing_group_reason
from shared.reports.sections.supercharging import window
from shared.reports.units import NONE, Units
from shared.reports.version import RENDERER_VERSION

SIGNS = {True: "✓", False: "✕"}

COLUMNS = (
    Column("Module", 2, strong=True),
    Column("State", 1.2),
    Column("Fetched (car's clock)", 1.8),
    Column("What is missing and why", 4.4),
)


def blocks(readings: Readings) -> Sequence[Block]:
    """The table of modules, missing groups, window, consent and method, verification."""
    units = readings.units
    complete = sum(found.complete for found in readings.outcomes)
    groups = [f"{group}: {missing_group_reason(readings, group)}" for group in missing_groups(readings)]
    scopes = ", ".join(sorted(readings.snapshot.granted_scopes)) or "not recorded"
    return [
        Paragraph(f"Complete: {complete} of {len(readings.outcomes)} modules. {_history(readings)}"),
        *([Paragraph(f"Groups missing in the live vehicle data: {'; '.join(groups)}.")] if groups else []),
        small_print(f"Granted by the owner at Tesla: {scopes}. {_units(units)}"),
        small_print(
            "All figures were fetched from Tesla's Fleet API with the owner's consent; nothing was measured at "
            "the car. The report describes one moment. It is no expert opinion on the car's condition and "
            "replaces no inspection. Times are on the car's clock where Tesla names its offset, charging "
            "sessions on the clock of their site. A question mark in a diamond stands for a character that the "
            "report's fonts lack."
        ),
        # Last and in one piece, so that the last page is never a few lines alone.
        Together([Table(COLUMNS, [_row(outcome, units) for outcome in readings.outcomes]), *_verification(readings)]),
    ]


def _history(readings: Readings) -> str:
    """The window of the charging history, asked for and found."""
    history = history_of(readings)
    if history is None:
        return "Charging history: not available."
    first, last = readings.units.day(history.first), readings.units.day(history.last)
    found = f" Sessions found from {first} to {last}." if history.sessions else ""
    return f"Charging history: {window(readings)}{found}"


def _row(outcome: Outcome, units: Units) -> tuple[str, ...]:
    """One module."""
    state = f"{SIGNS[outcome.complete]} {outcome.state}"
    return outcome.title, state, units.moment(outcome.result.fetched_at), outcome.reason or NONE


def _units(units: Units) -> str:
    """Which units, and who chose them."""
    chosen = "as set in the car" if units.from_car else "by the region, as the car's settings are not known"
    return f"Units: {units.distance}, {units.temperature}, {units.pressure}, {chosen}."


def _verification(readings: Readings) -> list[Block]:
    """What the report was made from, and where that can be checked."""
    facts = [
        ("Report", readings.report_id),
        ("As of", readings.units.stamp(readings.now)),
        ("Snapshot SHA-256", readings.snapshot_sha256),
        ("Renderer version", RENDERER_VERSION),
        *([("Verify at", readings.verify_url)] if readings.verify_url else []),
    ]
    return [
        Heading("Verification", 1),
        Seal(facts, readings.verify_url),
        small_print(
            "The same snapshot and renderer version give the same file, byte for byte; the digest names the data "
            "this report was made from. The address, where one is printed, tells whether this report is genuine."
        ),
    ]


SECTION = Section("Method, sources and verification", blocks)
