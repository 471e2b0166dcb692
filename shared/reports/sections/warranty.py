"""Warranty: time and distance left, and which of them ends first."""

from __future__ import annotations

from collections.abc import Sequence

from shared.reports.analysis.warranty import Cover
from shared.reports.findings import car_age, covers_of, distance_per_year_mi
from shared.reports.layout.blocks import Block, Heading, Paragraph, small_print
from shared.reports.layout.figures import Bar, Bars
from shared.reports.layout.table import Column, Table
from shared.reports.readings import Readings
from shared.reports.sections.common import Section, gap, source
from shared.reports.units import NONE, Units, figure

DAYS_PER_YEAR = 365.25
DAYS_PER_MONTH = DAYS_PER_YEAR / 12
MOST_ROWS = 40


def blocks(readings: Readings) -> Sequence[Block]:
    """Bars for what is left of the active warranties, then all of them in a table."""
    covers = covers_of(readings)
    if covers is None:
        return gap(readings, "warranty")
    units, found = readings.units, covers[:MOST_ROWS]
    end = source(readings, "dx/warranty/details and vehicle_state.odometer", readings.fetched_at("warranty"))
    if not found:
        return [Paragraph("Tesla lists no warranty for this car."), end]
    columns = [
        Column("Warranty", 2.6, strong=True),
        Column("State", 0.9),
        Column("Ends on", 1.2),
        Column("or at", 1.2, "right"),
        Column("Time left", 1.1, "right"),
        Column("Distance left", 1.3, "right"),
        Column("Ends first", 2),
    ]
    return [
        Paragraph(_rate(readings)),
        *(block for cover in found if cover.state == "Active" for block in _left(cover, units)),
        Heading("All warranties", 1),
        Table(columns, [_row(cover, units) for cover in found]),
        small_print(
            "A warranty ends at its date or its distance, whichever comes first. Which one that is depends on the "
            "distance driven from here on; the average so far was taken. Conditions and exclusions are in Tesla's "
            "warranty documents."
        ),
        end,
    ]


def _rate(readings: Readings) -> str:
    """Distance a year so far, with what it rests on."""
    age, rate = car_age(readings), distance_per_year_mi(readings)
    if age is None or rate is None:
        return "Distance per year: not known, so that nothing is said of which limit comes first."
    units = readings.units
    return (
        f"Distance so far: {units.miles(readings.state.odometer_mi)} in {age.years:.1f} years, which is "
        f"{units.miles(rate)} a year (vehicle_state.odometer; age by {age.source})."
    )


def _left(cover: Cover, units: Units) -> list[Block]:
    """Heading and bars of one active warranty."""
    bars = []
    if cover.time_share is not None:
        words = f"{time_left(cover.days_left)}, to {units.day(cover.ends_at)}"
        bars.append(Bar("Time left", cover.time_share, words))
    if cover.distance_share is not None:
        at = f", about {units.day(cover.distance_ends_at)}" if cover.distance_ends_at else ""
        bars.append(Bar("Distance left", cover.distance_share, f"{units.miles(cover.miles_left)}{at}"))
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
        NONE if over else first_end(cover, units),
    )


def first_end(cover: Cover, units: Units) -> str:
    """Which limit comes first and about when."""
    if cover.ends_first is None:
        return NONE
    return f"{cover.ends_first.capitalize()}, {units.day(cover.ends_by)}"


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
