"""Whether a report is genuine: told to everybody who holds its id, and nothing else is.

The answer comes from the vehicle's document, so it holds as soon as the vehicle is ready. A report that was never
made, one that is erased and one past its retention cannot be told apart.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from shared.orders import names
from shared.orders.book import OrderBook, OrderGone
from shared.orders.model import OrderVehicle, ReportFile


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a report, and of a file that claims to be it.

    `built_at` is when the report's present PDF was made. `verdict` is null where no digest was given: `genuine`, the
    file is this PDF; `replaced`, the report is known and its PDF has other bytes; `unknown`, there is no such report.
    `issued_at` is when the very file was made, null if it never was: a replaced file with it is an earlier PDF of
    the report, one without it was changed by somebody or is another file.
    """

    report_id: str
    known: bool
    built_at: datetime | None
    verdict: Literal["genuine", "replaced", "unknown"] | None
    issued_at: datetime | None


def verify(book: OrderBook, now: datetime, report_id: str, sha256: str) -> Verification:
    """Compare a digest (64 hexadecimal digits, or empty for none) with the report's. Raises Unavailable."""
    vehicle = _find(book, now, report_id)
    if vehicle is None or vehicle.report is None:
        verdict: Literal["unknown"] | None = "unknown" if sha256 else None
        return Verification(report_id=report_id, known=False, built_at=None, verdict=verdict, issued_at=None)
    present = [file for file in (vehicle.report, vehicle.coming) if file is not None]
    genuine = _same(present, sha256)
    file = genuine or _same(vehicle.replaced, sha256)
    return Verification(
        report_id=report_id,
        known=True,
        built_at=vehicle.report.built_at,
        verdict=("genuine" if genuine else "replaced") if sha256 else None,
        issued_at=file.built_at if file else None,
    )


def _find(book: OrderBook, now: datetime, report_id: str) -> OrderVehicle | None:
    found = names.of_report_id(report_id)
    if found is None:
        return None
    try:
        order = book.get(found[0])
    except OrderGone:
        return None
    return book.find_vehicle(*found) if order.expires_at > now else None


def _same(files: list[ReportFile] | tuple[ReportFile, ...], sha256: str) -> ReportFile | None:
    return next((file for file in files if file.sha256 == sha256.lower()), None)
