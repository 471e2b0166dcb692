"""What the sections on Supercharging share: what the list covers, its window, the sentence for an empty one."""

from __future__ import annotations

from collections.abc import Sequence

from shared.reports.analysis.charging import History
from shared.reports.findings import history_of
from shared.reports.layout.blocks import Block, Paragraph
from shared.reports.layout.table import Column, Table
from shared.reports.readings import Readings
from shared.reports.sections.common import gap, source

SCOPE = (
    "Supercharging and public charging recorded by Tesla. Charging at home and at other networks is not in this "
    "list, so it is not all of the car's charging."
)
EMPTY = "No session is recorded for this car."
MOST_CURRENCIES = 20
MOST_CHARTS = 3


def window(readings: Readings) -> str:
    """The period that was asked for."""
    units, snapshot = readings.units, readings.snapshot
    if snapshot.history_from is None and snapshot.history_to is None:
        return "Period: all that Tesla keeps."
    start = "the beginning" if snapshot.history_from is None else units.day(snapshot.history_from)
    return f"Period: {start} to {units.day(snapshot.history_to or readings.now)}."


def recorded(readings: Readings) -> tuple[History, list[Block]]:
    """This car's history, and the blocks that stand in place of a section where there is none."""
    history = history_of(readings)
    if history is None:
        return History(()), gap(readings, "charging_history")
    return history, ([] if history.sessions else [Paragraph(EMPTY), history_source(readings)])


def history_source(readings: Readings) -> Paragraph:
    """Where the figures come from."""
    return source(readings, "dx/charging/history", readings.fetched_at("charging_history"))


def figures_table(names: Sequence[str], rows: Sequence[tuple[str, ...]]) -> Table:
    """A table of figures: the first column names, the others are right aligned."""
    first, *others = names
    return Table([Column(first, 1, strong=True), *(Column(name, 1, "right") for name in others)], rows)
