"""Service status."""

from __future__ import annotations

from collections.abc import Sequence

from shared.reports.layout.blocks import Block, Paragraph
from shared.reports.readings import Readings
from shared.reports.sections.common import Section, gap, grid, source
from shared.reports.units import NONE, words
from shared.tesla.models.care import ServiceData

STATUSES = {"in_service": "In service", "car_in_repair": "In repair"}


def blocks(readings: Readings) -> Sequence[Block]:
    """The open visit; an empty answer means that there is none."""
    answer = readings.get("service_data", ServiceData)
    if answer is None:
        return gap(readings, "service_data")
    end = source(readings, "service_data", readings.fetched_at("service_data"))
    if answer == ServiceData():
        return [Paragraph("No service visit is open."), end]
    status = STATUSES.get(answer.service_status or "", words(answer.service_status))
    return [
        grid(
            [
                ("Status", status),
                ("Expected to be ready", readings.units.stamp(answer.service_etc)),
                ("Visit", words(answer.service_visit_number)),
                ("Tesla's status number", NONE if answer.status_id is None else str(answer.status_id)),
            ]
        ),
        end,
    ]


SECTION = Section("Service status", blocks)
