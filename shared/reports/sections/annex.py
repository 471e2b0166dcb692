"""All readings: every group of the live data, field by field."""

from __future__ import annotations

from collections.abc import Sequence

from shared.reports.analysis.annex import Group, groups_of
from shared.reports.analysis.field_words import show, title_of
from shared.reports.layout.blocks import Block, Heading, Note, Paragraph
from shared.reports.layout.table import Column, Table
from shared.reports.readings import Readings
from shared.reports.sections.common import Section, gap, missing_group_reason, source
from shared.reports.units import Units

GROUPS = ("charge_state", "climate_state", "vehicle_state", "drive_state", "gui_settings", "vehicle_config")
"""The groups an owner may expect in the live data."""

COLUMNS = (
    Column("Reading", 2.3),
    Column("Value", 1.7, strong=True),
    Column("Reading", 2.3),
    Column("Value", 1.7, strong=True),
)


def blocks(readings: Readings) -> Sequence[Block]:
    """The vehicle record, then the live data by group; a group that is missing is named with the reason."""
    return [
        Paragraph(
            "Every field Tesla sent about the car's state. Location, route, media, paired phones and account "
            "numbers are withheld. A dash means that Tesla sent the field without a value. Times are on the "
            "car's clock."
        ),
        *_module(readings, "vehicle"),
        *_module(readings, "vehicle_data"),
        *(_missing(readings, group) for group in missing_groups(readings)),
    ]


def missing_groups(readings: Readings) -> list[str]:
    """Expected groups that the live data lacks, where it was read at all."""
    payload = readings.payload("vehicle_data")
    if gap(readings, "vehicle_data") or not isinstance(payload, dict):
        return []
    return [group for group in GROUPS if not isinstance(payload.get(group), dict)]


def _missing(readings: Readings, group: str) -> Note:
    """A note in place of a group."""
    return Note(f"{title_of(group)} ({group}): not in Tesla's answer, {missing_group_reason(readings, group)}.")


def _module(readings: Readings, module: str) -> list[Block]:
    """All groups of one module."""
    found = gap(readings, module)
    if found:
        return found
    groups = groups_of(_own(readings, module), module)
    shown = [block for group in groups for block in _group(group, readings.units)]
    return [*shown, source(readings, module, readings.fetched_at(module))]


def _own(readings: Readings, module: str) -> object:
    """The module's answer; the live data without what the vehicle record already says in the same words."""
    payload, record = readings.payload(module), readings.payload("vehicle")
    if module == "vehicle" or not isinstance(payload, dict) or not isinstance(record, dict):
        return payload
    return {key: value for key, value in payload.items() if key not in record or record[key] != value}


def _group(group: Group, units: Units) -> list[Block]:
    """Heading and table of one group, two readings a row."""
    cells = [(title_of(name), show(name, value, units)) for name, value in group.rows]
    half = -(-len(cells) // 2)
    left, right = cells[:half], [*cells[half:], ("", "")]
    rows = [(*one, *other) for one, other in zip(left, right, strict=False)]
    more = [Paragraph(f"{group.left_out} more fields are not shown.")] if group.left_out else []
    return [Heading(group.title, 1), Table(COLUMNS, rows, max_lines=4), *more] if cells else []


SECTION = Section("All readings", blocks)
