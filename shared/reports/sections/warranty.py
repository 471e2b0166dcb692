"""Warranty: time and distance left."""

from __future__ import annotations

from collections.abc import Sequence

from shared.reports.analysis.warranty import Cover, covers
from shared.reports.layout.blocks import Block, Heading, Paragraph, small_print
from shared.reports.layout.figures import Bar, Bars
from shared.reports.layout.table import Column, Table
from shared.reports.readings import Readings
from shared.reports.sections.common import Section, gap, source
from shared.reports.units import NONE, Units, figure
from shared.tesla.models.care import WarrantyDetails

DAYS_PER_YEAR = 365.25
DAYS_PER_MONTH = DAYS_PER_YEAR / 12
MOST_ROWS = 40


def blocks(readings: Readings) -> Sequence[Block]:
    """Bars for what is left of the active warranties, then all of them in a table."""
    answer = readings.get("warranty", WarrantyDetails)
    if answer is None:
        return gap(readings, "warranty")
    units = readings.units
    found = covers(answer, readings.state.odometer_mi, readings.now)[:MOST_ROWS]
    end = source(readings, "dx/warranty/details", readings.fetched_at("warranty"))
    if not found:
        return [Paragraph("Tesla lists no warranty for this car."), end]
    columns = [
        Column("Warranty", 3, strong=True),
        Column("State", 1),
        Column("Ends on", 1.2),
        Column("or at", 1.2, "right"),
        Column("Time left", 1.2, "right"),
        Column("Distance left", 1.3, "right"),
    ]
    return [
        *(block for cover in found if cover.state == "Active" for block in _left(cover, units)),
        Heading("All warranties", 1),
        Table(columns, [_row(cover, units) for cover in found]),
        small_print(
            "A warranty ends at its date or its distance, whichever comes first. Conditions and exclusions are "
            "in Tesla's warranty documents. Distance left needs the car's odometer."
        ),
        end,
    ]


def _left(cover: Cover, units: Units) -> list[Block]:
    """Heading and bars of one active warranty."""
    bars = []
    if cover.time_share is not None:
        bars.append(
            Bar("Time left", cover.time_share, f"{time_left(cover.days_left)}, to {units.day(cover.ends_at)}")
        )
    if cover.distance_share is not None:
        bars.append(Bar("Distance left", cover.distance_share, units.miles(cover.miles_left)))
    return [Heading(cover.name, 1), Bars(bars)] if bars else []


def _row(cover: Cover, units: Units) -> tuple[str, ...]:
    """One warranty of the table."""
    over = cover.state == "Expired"
    return (
        cover.name,
        cover.state,
        units.day(cover.ends_at),
        units.miles(cover.ends_mi),
        NONE if over else time_left(cover.days_left),
        NONE if over else units.miles(cover.miles_left),
    )


def time_left(days: float | None) -> str:
    """Days as years or months, the way people say it."""
    if days is None:
        return NONE
    if days <= 0:
        return "passed"
    if days >= 2 * DAYS_PER_YEAR:
        return figure(days / DAYS_PER_YEAR, "years", 1)
    return figure(days / DAYS_PER_MONTH, "months") if days >= 2 * DAYS_PER_MONTH else figure(days, "days")


SECTION = Section("Warranty", blocks)
