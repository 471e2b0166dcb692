"""Charging invoices: which ones come with the report, and which are missing."""

from __future__ import annotations

from collections.abc import Sequence

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
    rows = [_row(invoice) for invoice in readings.snapshot.invoices]
    rows.extend(_not_fetched(readings))
    if not rows:
        return [Paragraph(_none(readings))]
    delivered = sum(invoice.status == "ok" for invoice in readings.snapshot.invoices)
    columns = [
        Column("File", 3, strong=True),
        Column("Session", 1.4),
        Column("Status", 2.4),
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


def _row(invoice: InvoiceFile) -> tuple[str, ...]:
    """One invoice of the snapshot."""
    failed = f"Failed: {(invoice.reason or 'no reason was recorded').replace('_', ' ')}"
    return (
        words(invoice.file_name),
        NONE if invoice.session_id is None else str(invoice.session_id),
        "Included" if invoice.status == "ok" else failed,
        figure(invoice.size_bytes / _KIB, "KiB", 1) if invoice.size_bytes > 0 else NONE,
        (invoice.sha256 or NONE)[:_DIGEST],
    )


def _not_fetched(readings: Readings) -> list[tuple[str, ...]]:
    """Invoices that this car's sessions name and the snapshot does not know."""
    answer = readings.get("charging_history", ChargingHistory) or ChargingHistory()
    fetched = {invoice.content_id for invoice in readings.snapshot.invoices}
    return [
        (
            words(invoice.file_name),
            NONE if session.session_id is None else str(session.session_id),
            "Not fetched",
            NONE,
            NONE,
        )
        for session in history_of(answer, readings.snapshot.vin).sessions
        for invoice in session.invoices or ()
        if invoice.content_id not in fetched
    ]


SECTION = Section("Invoices", blocks)
