"""Alerts."""

from __future__ import annotations

from collections.abc import Sequence

from shared.reports.analysis.alerts import alerts_found
from shared.reports.layout.blocks import Block, Paragraph, small_print
from shared.reports.layout.table import Column, Table
from shared.reports.readings import Readings
from shared.reports.sections.common import Section, gap, source
from shared.reports.units import NONE, Units, plural, words
from shared.tesla.models.care import Alert, RecentAlerts

MOST_ROWS = 150


def blocks(readings: Readings) -> Sequence[Block]:
    """Counts, codes that come back, and every alert, newest first."""
    answer = readings.get("recent_alerts", RecentAlerts)
    if answer is None:
        return gap(readings, "recent_alerts")
    found, units = alerts_found(answer), readings.units
    end = source(readings, "recent_alerts", readings.fetched_at("recent_alerts"))
    if not found.alerts:
        return [Paragraph("Tesla lists no recent alert for this car."), end]
    columns = [Column("Time (car's clock)", 1.7), Column("What it says", 4), Column("Code", 2.7), Column("For", 1.7)]
    audiences = ", ".join(f"{audience} {count}" for audience, count in found.by_audience)
    repeated = ", ".join(f"{code} ({count} times)" for code, count in found.repeated)
    more = len(found.alerts) - MOST_ROWS
    return [
        Paragraph(f"{plural(len(found.alerts), 'alert')}; by audience: {audiences or 'not stated'}."),
        *([Paragraph(f"Came more than once: {repeated}.")] if repeated else []),
        Table(columns, [_row(alert, units) for alert in found.alerts[:MOST_ROWS]]),
        *([Paragraph(f"{more} older alerts are not shown.")] if more > 0 else []),
        small_print(
            "An alert is an entry in the car's log at one moment; it does not say that the fault is still there. "
            "Alerts for “customer” were shown to the driver, “service” and “service-fix” are meant for the "
            "workshop."
        ),
        end,
    ]


def _row(alert: Alert, units: Units) -> tuple[str, ...]:
    """One alert of the table."""
    text = words(alert.user_text)
    return units.moment(alert.time), text, words(alert.name), ", ".join(alert.audience or ()) or NONE


SECTION = Section("Alerts", blocks)
