"""Tesla's specifications of the car, where they were ordered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.reports.analysis.parse import leading_figure
from shared.reports.layout.blocks import Block, Heading, small_print
from shared.reports.layout.table import Column, Table
from shared.reports.readings import Readings
from shared.reports.sections.common import Section, gap, grid, known, source
from shared.reports.units import KM_PER_MILE, NONE, Units, number, percent, words
from shared.tesla.models.product import EquipmentPrice, VehicleSpecs

PLAIN: Mapping[str, str] = {
    "make": "Make",
    "model": "Model code",
    "trim": "Trim",
    "model_year": "Model year",
    "body_type": "Body",
    "type_of_drive": "Drive",
    "max_power": "Power",
    "number_of_seats": "Seats",
    "number_of_doors": "Doors",
    "number_of_gears": "Gears",
    "transmission_type": "Transmission",
    "fuel_type": "Energy",
    "vehicle_type": "Type",
    "paint_code": "Paint",
    "interior_code": "Interior",
    "wheels_code": "Wheels",
    "seats_name": "Seats, name",
    "rear_seats_name": "Rear seats",
    "third_row_seats_code": "Third row",
    "decor_code": "Decor",
    "towing_code": "Towing",
    "autopilot_software_code": "Autopilot software",
    "autopilot_hardware_code": "Autopilot hardware",
    "country_of_origin": "Country of origin",
}
"""Fields shown as they are, with their labels."""

MOST_ROWS = 100


def blocks(readings: Readings) -> Sequence[Block]:
    """Battery figures, the data sheet, equipment with its prices."""
    answer = readings.get("specs", VehicleSpecs)
    if answer is None:
        return gap(readings, "specs")
    plain = [(label, words(getattr(answer, field))) for field, label in PLAIN.items()]
    return [
        grid([*_measured(answer, readings.units), *known(plain)]),
        *_equipment(answer),
        small_print(
            "Prices are those of the car's first sale, in the currency of its market, which Tesla does not name. "
            "The range is that of the type approval, another measure than the rated range on the display."
        ),
        source(readings, "specs", readings.fetched_at("specs")),
    ]


def _measured(specs: VehicleSpecs, units: Units) -> list[tuple[str, str]]:
    """What carries a unit or a date."""
    range_km = leading_figure(specs.battery_range)
    capacity = specs.battery_capacity
    return [
        ("State of health, quoted", _quoted(specs.battery_soh)),
        ("State of health measured", units.stamp(specs.battery_soh_timestamp)),
        ("Battery capacity", words(capacity) if isinstance(capacity, str) else _kwh(capacity)),
        ("Range, type approval", NONE if range_km is None else units.miles(range_km / KM_PER_MILE)),
        ("Built", units.day(specs.production_date)),
        ("Price when new", number(specs.total_price)),
    ]


def _quoted(value: str | float | None) -> str:
    """Tesla's state of health, with a word that it is one method of two."""
    text = percent(value, 1) if isinstance(value, int | float) else words(value)
    return text if text == NONE else f"{text}, see “Battery health”"


def _kwh(value: float | None) -> str:
    """A bare capacity."""
    return NONE if value is None else f"{number(value, 1)} kWh"


def _equipment(specs: VehicleSpecs) -> list[Block]:
    """Equipment and prices, if any."""
    rows = [_row(item) for item in (specs.equipment_price or ())[:MOST_ROWS]]
    columns = [Column("Equipment", 4, strong=True), Column("Code", 1.5), Column("Price when new", 1.5, "right")]
    return [Heading("Equipment and prices", 1), Table(columns, rows, max_lines=3)] if rows else []


def _row(item: EquipmentPrice) -> tuple[str, ...]:
    """One piece of equipment."""
    return words(item.name), words(item.code), number(item.price, 2)


SECTION = Section("Specifications", blocks)
