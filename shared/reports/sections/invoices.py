"""Charging invoices: which ones come with the report, and which are missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.reports.analysis.charging import history_of
from shared.reports.layout.blocks import Block, Paragraph, small_print
from shared.reports.layout.table import Column, Table
from shared.reports.readings import Readings
from shared.reports.sections.common import Section, outcome
from shared.reports.snapshot import InvoiceFile
from shared.reports.units import NONE, figure, plural, words
from shared.tesla.models.charging import ChargingHistory

MOST_ROWS = 400
_KIB = 1024
_DIGEST = 16


def blocks(readings: Readings) -> Sequence[Block]:
    """The list with status, then invoices that were named by Tesla and not fetched."""
    days = _days(readings)
    rows = [_row(invoice, days) for invoice in readings.snapshot.invoices]
    rows.extend(_not_fetched(readings, days))
    if not rows:
        return [Paragraph(_none(readings))]
    delivered = sum(invoice.status == "ok" for invoice in readings.snapshot.invoices)
    columns = [
        Column("File", 2.9, strong=True),
        Column("Session", 2.3),
        Column("Status", 1.9),
        Column("Size", 1, "right"),
        Column("SHA-256 (start)", 1.8),
    ]
    more = len(rows) - MOST_ROWS
    return [
        Paragraph(f"{delivered} of {plural(len(rows), 'invoice')} come with this report."),
        Table(columns, rows[:MOST_ROWS], max_lines=3),
        *([Paragraph(f"{more} more are not shown.")] if more > 0 else []),
        small_print("The invoices are Tesla's own PDF files, unchanged; the digest lets you check a copy."),
    ]


def _none(readings: Readings) -> str:
    """Why the list is empty."""
    found = outcome(readings, "charging_history")
    if found is not None and found.complete:
        return "Tesla names no invoice for the sessions of this period."
    return "No invoices: they are named by the charging history, which is not available."


def _days(readings: Readings) -> dict[int, str]:
    """The day of each session of this car, by session number."""
    answer = readings.get("charging_history", ChargingHistory) or ChargingHistory()
    sessions = history_of(answer, readings.snapshot.vin).sessions
    return {one.session_id: readings.units.day(one.charge_start_date_time) for one in sessions if one.session_id}


def _session(number: int | None, days: Mapping[int, str]) -> str:
    """A session's day and number."""
    if number is None:
        return NONE
    return f"{days[number]}, {number}" if number in days else str(number)


def _row(invoice: InvoiceFile, days: Mapping[int, str]) -> tuple[str, ...]:
    """One invoice of the snapshot."""
    failed = f"Failed: {(invoice.reason or 'no reason was recorded').replace('_', ' ')}"
    return (
        words(invoice.file_name),
        _session(invoice.session_id, days),
        "Included" if invoice.status == "ok" else failed,
        figure(invoice.size_bytes / _KIB, "KiB", 1) if invoice.size_bytes > 0 else NONE,
        (invoice.sha256 or NONE)[:_DIGEST],
    )


def _not_fetched(readings: Readings, days: Mapping[int, str]) -> list[tuple[str, ...]]:
    """Invoices that this car's sessions name and the snapshot does not know."""
    answer = readings.get("charging_history", ChargingHistory) or ChargingHistory()
    fetched = {invoice.content_id for invoice in readings.snapshot.invoices}
    return [
        (
            words(invoice.file_name),
            _session(session.session_id, days),
            "Not fetched",
            NONE,
            NONE,
        )
        for session in history_of(answer, readings.snapshot.vin).sessions
        for invoice in session.invoices or ()
        if invoice.content_id not in fetched
    ]


SECTION = Section("Invoices", blocks)
