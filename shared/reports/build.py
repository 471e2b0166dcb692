"""The report: from a snapshot to the bytes of a PDF. Pure: no clock, no environment, no network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shared.reports.layout.blocks import Heading, place_all
from shared.reports.layout.flow import Contents, Flow, frame
from shared.reports.layout.text import shorten
from shared.reports.layout.typeface import Typeface
from shared.reports.pdf import Imprint, write_pdf
from shared.reports.readings import Readings, read
from shared.reports.sections import (
    alerts,
    annex,
    battery,
    cover,
    energy,
    fleet,
    habits,
    invoices,
    money,
    options,
    places,
    range_now,
    service,
    software,
    sources,
    specs,
    tyres,
    warranty,
)
from shared.reports.sections.common import Section
from shared.reports.snapshot import Snapshot
from shared.reports.version import RENDERER_VERSION

SECTIONS: tuple[Section, ...] = (
    battery.SECTION,
    warranty.SECTION,
    alerts.SECTION,
    tyres.SECTION,
    money.SECTION,
    energy.SECTION,
    places.SECTION,
    habits.SECTION,
    range_now.SECTION,
    options.SECTION,
    specs.SECTION,
    software.SECTION,
    service.SECTION,
    invoices.SECTION,
    fleet.SECTION,
    annex.SECTION,
    sources.SECTION,
)
"""The report's sections after the cover, in order."""


def render_report(
    snapshot: Snapshot, *, fonts: Path, verify_url: str = "", fallback_fonts: Sequence[Path] = ()
) -> bytes:
    """The report of one vehicle as a PDF. The same arguments and `RENDERER_VERSION` give the same bytes.

    Args:
        snapshot: What was fetched; whatever it holds or lacks, a report comes out.
        fonts: Folder with ``DejaVuSans.ttf`` and ``DejaVuSans-Bold.ttf``, and at best their cores beside them.
        verify_url: Where the report can be verified, printed as text and as a QR code; neither when empty.
        fallback_fonts: Further font files for scripts that these lack, such as Chinese. None by default: the bytes
            would depend on the machine.

    Raises:
        OSError: A font file cannot be read.
    """
    readings = read(snapshot, verify_url)
    face = Typeface.of(fonts, fallback_fonts)
    flow = lay_out(readings, face)
    return write_pdf(flow.sheets, flow.bookmarks, face, _imprint(readings, flow))


def lay_out(readings: Readings, face: Typeface) -> Flow:
    """Every page of the report as marks."""
    flow = Flow(face)
    place_all(cover.blocks(readings), flow)
    contents = Contents(len(flow.sheets) - 1, flow.y_mm)
    flow.y_mm += contents.height_mm(len(SECTIONS))
    flow.turn()
    for section in SECTIONS:
        place_all([Heading(section.title), *section.build(readings)], flow)
    contents.fill(flow)
    head = f"Vehicle report · VIN {readings.snapshot.vin} · {shorten(cover.title(readings), 60)}"
    foot = f"Report {readings.report_id} · as of {readings.units.stamp(readings.now)}"
    frame(flow, head, foot, f"Snapshot SHA-256 {readings.snapshot_sha256} · renderer version {RENDERER_VERSION}")
    return flow


def _imprint(readings: Readings, flow: Flow) -> Imprint:
    """The document's properties, all from the snapshot."""
    title = flow.fit(f"Vehicle report {cover.title(readings)}", 150).replace("\n", " ")
    return Imprint(title, f"VIN {readings.snapshot.vin}, report {readings.report_id}", readings.now)
