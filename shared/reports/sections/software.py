"""Software and release notes."""

from __future__ import annotations

from collections.abc import Sequence

from shared.reports.analysis.identity import software_version
from shared.reports.layout.blocks import Block, Heading, Paragraph
from shared.reports.layout.ink import MUTED, SMALL
from shared.reports.readings import Readings
from shared.reports.sections.common import Section, gap, grid, source
from shared.reports.units import NONE, percent, plural, words
from shared.tesla.models.product import ReleaseNote, ReleaseNotes
from shared.tesla.models.vehicle_state import SoftwareUpdate

MOST_NOTES = 60
MOST_LINES = 30


def blocks(readings: Readings) -> Sequence[Block]:
    """Versions, the waiting update, then every note."""
    answer = readings.get("release_notes", ReleaseNotes)
    return [grid(_versions(readings, answer or ReleaseNotes())), *_notes(readings, answer)]


def _versions(readings: Readings, answer: ReleaseNotes) -> list[tuple[str, str]]:
    """The three versions of the notes beside what the car itself reports."""
    update = readings.state.software_update or SoftwareUpdate()
    return [
        ("Installed, reported by the car", words(software_version(readings))),
        ("Installed, by the release notes", words(answer.deployed_version)),
        ("Staged version", words(answer.staged_version)),
        ("Notes are of version", words(answer.release_notes_version)),
        ("Waiting update", _waiting(readings.state.software_update)),
        ("Download / installation", f"{percent(update.download_percent)} / {percent(update.install_percent)}"),
    ]


def _waiting(update: SoftwareUpdate | None) -> str:
    """The update the car offers; Tesla sends blanks when there is none."""
    if update is None:
        return NONE
    return f"{words(update.version)} ({update.status})" if (update.status or "").strip() else "None"


def _notes(readings: Readings, answer: ReleaseNotes | None) -> Sequence[Block]:
    """The notes as they are, shortened where they are very long."""
    if answer is None:
        return gap(readings, "release_notes")
    notes = answer.release_notes or ()
    end = source(readings, "release_notes", readings.fetched_at("release_notes"))
    if not notes:
        return [Paragraph("Tesla sent no release notes."), end]
    more = len(notes) - MOST_NOTES
    return [
        Paragraph(f"{plural(len(notes), 'release note')}:", after_mm=0),
        *(block for note in notes[:MOST_NOTES] for block in _note(note)),
        *([Paragraph(f"{more} more notes are not shown.")] if more > 0 else []),
        end,
    ]


def _note(note: ReleaseNote) -> list[Block]:
    """Title, subtitle, description, version."""
    subtitle = (note.subtitle or "").strip()
    description = (note.description or "").strip()
    version = f"Version {note.customer_version}" if note.customer_version else ""
    line = " · ".join(part for part in (version, subtitle) if part)
    return [
        Heading(words(note.title), 1),
        *([Paragraph(line, font=SMALL, colour=MUTED, max_lines=3, after_mm=0.6)] if line else []),
        *([Paragraph(description, max_lines=MOST_LINES)] if description else []),
    ]


SECTION = Section("Software and release notes", blocks)
