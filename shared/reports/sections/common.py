"""What all sections share: the shape of a section, the words for a gap, the line that names the source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from shared.reports.analysis.modules import Outcome
from shared.reports.layout.blocks import Block, Entry, KeyValues, Note, Paragraph, small_print
from shared.reports.layout.ink import WATCH
from shared.reports.readings import Readings
from shared.reports.units import NONE

Build: TypeAlias = Callable[[Readings], Sequence[Block]]


@dataclass(frozen=True)
class Section:
    """A section of the report: its title and how readings become its blocks."""

    title: str
    build: Build


def outcome(readings: Readings, module: str) -> Outcome | None:
    """What became of a module; None if the order did not know it."""
    return next((found for found in readings.outcomes if found.result.module == module), None)


def gap(readings: Readings, module: str) -> list[Block]:
    """A note that says why nothing of `module` is shown; no block if it was read."""
    found = outcome(readings, module)
    if found is None:
        return [Note("Not part of this order.")]
    if not found.complete:
        return [Note(f"{found.title}: {found.state.lower()}. {found.reason}", WATCH)]
    return []


def group_gap(readings: Readings, group: str, *, present: bool) -> list[Block]:
    """As `gap`, for one of the groups of the live vehicle data."""
    found = gap(readings, "vehicle_data")
    if found or present:
        return found
    return [Note(f"Tesla's answer does not contain {group}: {missing_group_reason(readings, group)}.", WATCH)]


def missing_group_reason(readings: Readings, group: str) -> str:
    """Why a group of the live data may be missing."""
    if group == "drive_state" and "vehicle_location" not in readings.snapshot.granted_scopes:
        live = readings.snapshot.module("vehicle_data")
        asked = live is None or live.reason != "location_not_asked"
        return "location was not granted" if asked else "this order did not ask for the location"
    access = readings.data.granular_access
    if group == "drive_state" and access and access.hide_private:
        return "the owner keeps the location private in the car's settings"
    return "the car did not send it"


def source(readings: Readings, what: str, at: datetime | None) -> Paragraph:
    """Where a section's figures come from and of when they are."""
    return small_print(f"Source: Tesla Fleet API, {what}, as of {readings.units.stamp(at)}.")


def grid(entries: Iterable[tuple[str, str]], *, columns: int = 2) -> KeyValues:
    """A key/value grid; entries without a value stay, with a dash, so that a gap is seen."""
    share = 0.5 if columns > 1 else 0.22
    return KeyValues([Entry(label, value) for label, value in entries], columns=columns, label_share=share)


def known(entries: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Only entries that have a value."""
    return [entry for entry in entries if entry[1] != NONE]
