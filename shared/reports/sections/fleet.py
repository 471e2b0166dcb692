"""Fleet status: what the application may do with the car."""

from __future__ import annotations

from collections.abc import Sequence

from shared.reports.layout.blocks import Block, small_print
from shared.reports.readings import Readings
from shared.reports.sections.common import Section, gap, grid, source
from shared.reports.units import NONE, number, words, yes_no
from shared.tesla.models.product import FleetStatus, FleetVehicleInfo


def blocks(readings: Readings) -> Sequence[Block]:
    """This car's entry alone, whatever other cars the answer names."""
    answer = readings.get("fleet_status", FleetStatus)
    if answer is None:
        return gap(readings, "fleet_status")
    vin = readings.snapshot.vin
    info = (answer.vehicle_info or {}).get(vin) or FleetVehicleInfo()
    return [
        grid(
            [
                ("Application's key in the car", _paired(answer, vin)),
                ("Keys of the car", number(info.total_number_of_keys)),
                ("Firmware", words(info.firmware_version)),
                ("Fleet telemetry version", words(info.fleet_telemetry_version)),
                ("Signed commands required", yes_no(info.vehicle_command_protocol_required)),
                ("Discounted data", yes_no(info.discounted_device_data)),
            ]
        ),
        small_print("The number of keys counts phones and key cards; one that you do not know is worth a question."),
        source(readings, "fleet_status", readings.fetched_at("fleet_status")),
    ]


def _paired(answer: FleetStatus, vin: str) -> str:
    """Whether the application's key is in the car."""
    if vin in (answer.key_paired_vins or ()):
        return "Yes"
    return "No" if vin in (answer.unpaired_vins or ()) else NONE


SECTION = Section("Fleet status", blocks)
