"""Options the car was built or bought with, and how it describes its own configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.reports.analysis.identity import CAR_TYPES
from shared.reports.findings import year_of
from shared.reports.layout.blocks import Block, Heading, Paragraph, small_print
from shared.reports.layout.table import Column, Table
from shared.reports.readings import Readings
from shared.reports.sections.common import Section, gap, grid, group_gap, known, source
from shared.reports.units import NONE, plural, words, yes_no
from shared.tesla.models.product import OptionCode, VehicleOptions
from shared.tesla.models.vehicle_config import VehicleConfig

MOST_ROWS = 200

BADGES: Mapping[str, str] = {
    "50": "rear-wheel drive, small pack",
    "62": "mid range",
    "74": "long range, rear-wheel drive",
    "74d": "long range, all-wheel drive",
    "p74d": "performance",
    "75": "75 kWh",
    "75d": "75 kWh, all-wheel drive",
    "100d": "long range, all-wheel drive",
    "p100d": "performance or Plaid",
}
"""Trim badges in words."""

COMPUTERS: Mapping[str, str] = {
    "TeslaAP2": "Autopilot computer 2",
    "TeslaAP25": "Autopilot computer 2.5",
    "TeslaAP3": "Autopilot computer 3",
    "TeslaAP4": "Autopilot computer 4",
}

PLAIN: Mapping[str, str] = {
    "exterior_color": "Colour",
    "exterior_trim": "Exterior trim",
    "interior_trim_type": "Interior",
    "roof_color": "Roof",
    "wheel_type": "Wheels",
    "charge_port_type": "Charge port",
    "efficiency_package": "Efficiency package",
    "performance_package": "Performance package",
    "rear_drive_unit": "Rear drive unit",
    "front_drive_unit": "Front drive unit",
    "headlamp_type": "Headlamps",
    "spoiler_type": "Spoiler",
    "third_row_seats": "Third row",
}
"""Texts shown as Tesla sends them."""

SWITCHES: Mapping[str, str] = {
    "eu_vehicle": "Built for Europe",
    "rhd": "Right-hand drive",
    "plg": "Power liftgate",
    "pws": "Pedestrian warning",
    "has_air_suspension": "Air suspension",
    "has_seat_cooling": "Seat cooling",
    "motorized_charge_port": "Motorised charge port",
}


def blocks(readings: Readings) -> Sequence[Block]:
    """Active options first, each with its code; then the configuration."""
    return [*_options(readings), Heading("Configuration", 1), *_configuration(readings)]


def _options(readings: Readings) -> Sequence[Block]:
    """The table of options."""
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


def _configuration(readings: Readings) -> Sequence[Block]:
    """What the car says of how it was built; what it does not say is left out here and is in the annex."""
    found = group_gap(readings, "vehicle_config", present=readings.data.vehicle_config is not None)
    if found:
        return found
    config, year = readings.config, year_of(readings)
    plain = [(label, words(getattr(config, field))) for field, label in PLAIN.items()]
    switches = [(label, yes_no(getattr(config, field))) for field, label in SWITCHES.items()]
    return [
        grid(
            known(
                [
                    ("Car type", _car(config)),
                    ("Trim badge", _with_words(config.trim_badging, BADGES)),
                    ("Model year", f"{year.year} ({year.source})" if year else NONE),
                    ("Driver assistance", _with_words(config.driver_assist, COMPUTERS)),
                    *plain,
                    *switches,
                ]
            )
        ),
        source(readings, "vehicle_data.vehicle_config", readings.measured_at(config.timestamp_ms)),
    ]


def _car(config: VehicleConfig) -> str:
    """The model in words."""
    return CAR_TYPES.get((config.car_type or "").lower(), words(config.car_type))


def _with_words(code: str | None, table: Mapping[str, str]) -> str:
    """A code with its meaning, or as it is."""
    meaning = table.get(code or "") or table.get((code or "").lower())
    return f"{code}: {meaning}" if meaning else words(code)


SECTION = Section("Options and configuration", blocks)
