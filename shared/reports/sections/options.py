"""Options the car was built or bought with."""

from __future__ import annotations

from collections.abc import Sequence

from shared.reports.layout.blocks import Block, Paragraph, small_print
from shared.reports.layout.table import Column, Table
from shared.reports.readings import Readings
from shared.reports.sections.common import Section, gap, source
from shared.reports.units import NONE, plural, words
from shared.tesla.models.product import OptionCode, VehicleOptions

MOST_ROWS = 200


def blocks(readings: Readings) -> Sequence[Block]:
    """Active options first, each with its code."""
    answer = readings.get("options", VehicleOptions)
    if answer is None:
        return gap(readings, "options")
    codes = sorted(answer.codes or (), key=lambda code: code.is_active is False)
    end = source(readings, "dx/vehicles/options", readings.fetched_at("options"))
    if not codes:
        return [Paragraph("Tesla lists no options for this car."), end]
    active = sum(code.is_active is True for code in codes)
    columns = [
        Column("Option", 4, strong=True),
        Column("Code", 1.3),
        Column("State", 1.2),
        Column("Colour code", 1.2),
    ]
    return [
        Paragraph(f"{plural(len(codes), 'option')}, {active} of them active."),
        Table(columns, [_row(code) for code in codes[:MOST_ROWS]], max_lines=3),
        small_print("Names are Tesla's. An option without a name is shown by its code alone."),
        end,
    ]


def _row(code: OptionCode) -> tuple[str, ...]:
    """One option."""
    state = {True: "Active", False: "Not active", None: NONE}[code.is_active]
    return words(code.display_name), words(code.code), state, words(code.color_code)


SECTION = Section("Options", blocks)
