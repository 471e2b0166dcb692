"""Alerts."""

from __future__ import annotations

from collections.abc import Sequence

from shared.reports.analysis.alerts import AlertsFound, alerts_found, ecu_of, ecu_words, per_month
from shared.reports.layout.blocks import Block, Paragraph, small_print
from shared.reports.layout.stacks import Column as Stack
from shared.reports.layout.stacks import Stacks
from shared.reports.layout.table import Column, Table
from shared.reports.readings import Readings
from shared.reports.sections.common import Section, gap, grid, source
from shared.reports.units import NONE, Units, plural, words
from shared.tesla.models.care import Alert, RecentAlerts

MOST_ROWS = 150
MOST_NAMED = 12
MONTHS = 12

COLUMNS = (
    Column("Time (car's clock)", 1.6),
    Column("What it says", 3.2, strong=True),
    Column("Code", 2.9),
    Column("Control unit", 2),
    Column("For", 1.3),
)


def blocks(readings: Readings) -> Sequence[Block]:
    """Counts by audience, control unit and code, a timeline, and every alert, newest first."""
    answer = readings.get("recent_alerts", RecentAlerts)
    if answer is None:
        return gap(readings, "recent_alerts")
    found, units = alerts_found(answer), readings.units
    end = source(readings, "recent_alerts", readings.fetched_at("recent_alerts"))
    if not found.alerts:
        return [Paragraph("Tesla lists no recent alert for this car."), end]
    more = len(found.alerts) - MOST_ROWS
    return [
        Paragraph(
            f"{plural(len(found.alerts), 'alert')}; by audience: {_counts(found.by_audience) or 'not stated'}."
        ),
        grid(_summary(found, units), columns=1),
        *_timeline(found),
        Table(COLUMNS, [_row(alert, units) for alert in found.alerts[:MOST_ROWS]]),
        *([Paragraph(f"{more} older alerts are not shown.")] if more > 0 else []),
        small_print(
            "An alert is an entry in the car's log at one moment; it does not say that the fault is still there. "
            "Alerts for “customer” were shown to the driver, “service” and “service-fix” are meant for the "
            "workshop. The control unit is the first part of the code; Tesla publishes no list of them."
        ),
        end,
    ]


def _counts(counts: Sequence[tuple[str, int]]) -> str:
    """Names with their counts, the most frequent ones."""
    shown = ", ".join(f"{name} {count}" for name, count in counts[:MOST_NAMED])
    return f"{shown} …" if len(counts) > MOST_NAMED else shown


def _summary(found: AlertsFound, units: Units) -> list[tuple[str, str]]:
    """Newest, control units, codes that come back."""
    newest = found.newest
    newest_words = (
        NONE if newest is None else f"{units.moment(newest.time)}, {words(newest.user_text or newest.name)}"
    )
    return [
        ("Newest", newest_words),
        ("Control units", _counts([(ecu_words(prefix), count) for prefix, count in found.by_ecu])),
        ("Came more than once", _counts([(code, count) for code, count in found.repeated]) or "none"),
        ("Shown to the driver", str(sum("customer" in (alert.audience or ()) for alert in found.alerts))),
    ]


def _timeline(found: AlertsFound) -> list[Block]:
    """Alerts by month, for the driver and for the workshop."""
    months = per_month(found.alerts, MONTHS)
    columns = [Stack(name, (float(shown), float(others))) for name, shown, others in months]
    return [Stacks(columns, ("shown to the driver", "for the workshop only"), "alerts", 34.0)] if columns else []


def _row(alert: Alert, units: Units) -> tuple[str, ...]:
    """One alert of the table."""
    audience = ", ".join(alert.audience or ()) or NONE
    return units.moment(alert.time), words(alert.user_text), words(alert.name), ecu_words(ecu_of(alert)), audience


SECTION = Section("Alerts", blocks)
